import { Match } from "aws-cdk-lib/assertions";
import { test } from "uvu";
import { synthesize } from "./synth.ts";

const { templates } = synthesize();
const { access } = templates;

test("identity: a user in a group with one policy, and nothing else", () => {
  access.hasResourceProperties("AWS::IAM::User", {
    UserName: "data-pipeline",
    Policies: Match.absent(),
    ManagedPolicyArns: Match.absent(),
    LoginProfile: Match.absent(),
  });
  access.hasResourceProperties("AWS::IAM::Group", { GroupName: "data-pipeline-group" });
  access.hasResourceProperties("AWS::IAM::ManagedPolicy", { ManagedPolicyName: "data-pipeline-policy" });
  access.resourceCountIs("AWS::IAM::User", 1);
});

test("identity: GitHub is trusted by OIDC, for AWS's own audience", () => {
  access.hasResourceProperties("AWS::IAM::OIDCProvider", {
    Url: "https://token.actions.githubusercontent.com",
    ClientIdList: ["sts.amazonaws.com"],
  });
});

test("identity: a deploy's session lasts for a backfill that is watched to its end, a plan's an hour", () => {
  access.hasResourceProperties("AWS::IAM::Role", { RoleName: "data-pipeline-deploy", MaxSessionDuration: 6 * 3600 });
  access.hasResourceProperties("AWS::IAM::Role", { RoleName: "data-pipeline-plan", MaxSessionDuration: 3600 });
});

test.run();
