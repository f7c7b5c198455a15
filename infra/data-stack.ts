import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Buckets } from "./buckets.ts";
import type { Config } from "./config.ts";
import { Database } from "./database.ts";
import { LoadQueue } from "./load-queue.ts";
import type { NetworkStack } from "./network-stack.ts";
import { type Warehouse, warehouse } from "./warehouse.ts";

/**
 * What must not be lost: the buckets, the databases, their passwords, and the queue, whose messages are loads that the warehouse lacks yet.
 * With `keepData` everything here stays when the stack is deleted.
 */
export class DataStack extends Stack {
  readonly buckets: Buckets;
  readonly database: Database;
  readonly queue: LoadQueue;
  readonly warehouse: Warehouse | null;

  constructor(scope: Construct, id: string, props: StackProps & { config: Config; network: NetworkStack }) {
    super(scope, id, props);
    const { config, network } = props;
    this.queue = new LoadQueue(this, "Loads", config);
    this.buckets = new Buckets(this, "Buckets", config);
    this.queue.announceMarkers(this.buckets.staging, this.buckets.stagingName);
    this.database = new Database(this, "Database", { config, network });
    this.warehouse = warehouse(this, { config, network, logs: this.buckets.logs });
    this.#tell(id);
  }

  /** What the actions and people read from this stack. */
  #tell(id: string): void {
    const output = (name: string, value: string, description: string): void => {
      new CfnOutput(this, name, { value, description, exportName: `${id}-${name}` });
    };
    output("DagsBucket", this.buckets.dags.bucketName, "The bucket of releases");
    output("StagingBucket", this.buckets.staging.bucketName, "The bucket of staged files and markers");
    output("ExportsBucket", this.buckets.exports.bucketName, "What PostgreSQL writes for the warehouse to read");
    output("LogsBucket", this.buckets.logs.bucketName, "Access logs, and what commands on the host printed");
    output("DatabaseEndpoint", this.database.host, "PostgreSQL's host name, within the network");
    output("DatabaseSecretArn", this.database.secret.secretArn, "The owner's password of data_pipeline_db, as a connection of Airflow");
    output("AirflowDatabaseSecretArn", this.database.airflowSecret.secretArn, "The password of Airflow's own database");
    output("LoadQueueUrl", this.queue.queue.queueUrl, "Markers of loads that the warehouse lacks yet");
    output("DeadLetterQueueUrl", this.queue.dead.queueUrl, "Markers whose load did not reach the warehouse");
    if (this.warehouse !== null) {
      output("WarehouseEndpoint", this.warehouse.host, "Redshift's host name, within the network");
      output("WarehouseSecretArn", this.warehouse.secretArn, "The owner's password of Redshift");
    }
  }
}
