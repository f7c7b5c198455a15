import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { AirflowHost } from "./airflow-host.ts";
import type { Config } from "./config.ts";
import type { DataStack } from "./data-stack.ts";
import { addDocuments } from "./documents.ts";
import { setUpHost } from "./host-setup.ts";
import { Loader } from "./loader.ts";
import { logGroup } from "./log-group.ts";
import type { NetworkStack } from "./network-stack.ts";
import { Watching } from "./watching.ts";

interface ComputeProps extends StackProps {
  readonly config: Config;
  readonly network: NetworkStack;
  readonly data: DataStack;
  /** The folder of the host package. */
  readonly hostBundle: string;
}

/** What runs, and can be deleted and made anew without losing anything: the host, its commands, the Lambda, the alarms. */
export class ComputeStack extends Stack {
  constructor(scope: Construct, id: string, props: ComputeProps) {
    super(scope, id, props);
    const { config, network, data } = props;
    const commands = logGroup(this, "CommandLogs", `/${config.prefix}/commands`, config);
    const airflow = logGroup(this, "AirflowLogs", `/${config.prefix}/airflow`, config);
    const host = new AirflowHost(this, "Host", { config, network, data, logs: [commands, airflow] });
    addDocuments(this);
    setUpHost(this, { ...props, host, logGroup: airflow.logGroupName });
    const loader = new Loader(this, "Loader", { config, network, data });
    new Watching(this, "Watching", { config, data, host, loader, airflowLogs: airflow });
    const output = (name: string, value: string, description: string): void => {
      new CfnOutput(this, name, { value, description, exportName: `${id}-${name}` });
    };
    output("Instance", host.instance.instanceId, "The Airflow host");
    output("CommandLogGroup", commands.logGroupName, "What commands on the host printed");
    output("AirflowLogGroup", airflow.logGroupName, "The logs of Airflow's services");
    output("LoaderFunction", loader.function.functionName, "The Lambda that moves loads to the warehouse");
  }
}
