"""
Types that moto's CloudFormation does not know and `infra/` uses.

A secret is made in moto's Secrets Manager. The others are only noted down, with the name and the ARN that the
template's other resources ask for: moto takes a type that it does not know for one that is not there, so that a
template that refers to it fails.
"""

import json

from moto.core.common_models import CloudFormationModel
from moto.rds.models import rds_backends
from moto.secretsmanager import secretsmanager_backends

# Type, the property that names it, whether `Ref` gives its ARN.
NOTED_DOWN = [
    ("AWS::Budgets::Budget", "", False),
    ("AWS::CloudWatch::Alarm", "AlarmName", False),
    ("AWS::EC2::EIPAssociation", "", False),
    ("AWS::EC2::SecurityGroupEgress", "", False),
    ("AWS::IAM::Group", "GroupName", False),
    ("AWS::IAM::OIDCProvider", "", True),
    ("AWS::Logs::MetricFilter", "", False),
    ("AWS::S3::BucketPolicy", "", False),
    ("AWS::SNS::Subscription", "", True),
    ("AWS::SNS::TopicPolicy", "", False),
    ("AWS::SQS::QueuePolicy", "", False),
    ("AWS::SSM::Association", "AssociationName", False),
    ("AWS::SecretsManager::ResourcePolicy", "", False),
    ("AWS::SecretsManager::RotationSchedule", "", False),
]
# moto takes the service from the module's name.
MODULE = "moto.mended"


class NotedDown:
    """A resource of a type that moto's CloudFormation does not know."""

    def __init__(self, name, arn, ref_is_arn=False):
        self.name, self.arn, self.ref_is_arn = name, arn, ref_is_arn

    @property
    def physical_resource_id(self):
        return self.arn if self.ref_is_arn else self.name

    def get_cfn_attribute(self, attribute):
        return self.arn if attribute == "Arn" else self.name


def note_down(kind, name_property, ref_is_arn):
    service, what = kind.lower().split("::")[1:]

    def create(cls, name, _json, account, region, **_):
        return cls(
            name, f"arn:aws:{service}:{region}:{account}:{what}:{name}", ref_is_arn
        )

    members = {
        "__module__": MODULE,
        "cloudformation_type": staticmethod(lambda: kind),
        "cloudformation_name_type": staticmethod(lambda: name_property),
        "create_from_cloudformation_json": classmethod(create),
    }
    return type(what, (NotedDown, CloudFormationModel), members)


class KnownByArn:
    """What `Ref` gives the ARN of."""

    def __init__(self, arn):
        self.arn = arn

    @property
    def physical_resource_id(self):
        return self.arn


class Secret(KnownByArn, CloudFormationModel):
    """A secret, made in moto's Secrets Manager: a password is made for it, as AWS does."""

    __module__ = MODULE

    @staticmethod
    def cloudformation_name_type():
        return "Name"

    @staticmethod
    def cloudformation_type():
        return "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(cls, name, resource, account, region, **_):
        wanted = resource["Properties"]["GenerateSecretString"]
        backend = secretsmanager_backends[account][region]
        length, punctuation = (
            int(wanted["PasswordLength"]),
            bool(wanted.get("ExcludePunctuation")),
        )
        password = backend.get_random_password(
            length, "", False, punctuation, False, False, False, True
        )
        value = {
            **json.loads(wanted["SecretStringTemplate"]),
            wanted["GenerateStringKey"]: json.loads(password)["RandomPassword"],
        }
        made = backend.create_secret(
            name, json.dumps(value), None, None, [], None, None, [], False
        )
        return cls(json.loads(made)["ARN"])

    def delete(self, account, region):
        secretsmanager_backends[account][region].delete_secret(self.arn, None, True)


class SecretTargetAttachment(KnownByArn, CloudFormationModel):
    """AWS adds the database's address to the secret; `Ref` gives the secret's ARN."""

    __module__ = MODULE

    @staticmethod
    def cloudformation_name_type():
        return ""

    @staticmethod
    def cloudformation_type():
        return "AWS::SecretsManager::SecretTargetAttachment"

    @classmethod
    def create_from_cloudformation_json(cls, _name, resource, account, region, **_):
        arn = resource["Properties"]["SecretId"]
        backend = secretsmanager_backends[account][region]
        value = json.loads(backend.get_secret_value(arn, None, None)["SecretString"])
        database = rds_backends[account][region].databases[
            resource["Properties"]["TargetId"]
        ]
        value.update(
            engine="postgres",
            host=database.address,
            port=database.port,
            dbname=database.db_name,
        )
        backend.put_secret_value(arn, json.dumps(value), None, None, ["AWSCURRENT"])
        return cls(arn)


def add_types():
    """Makes the types known: moto asks CloudFormationModel for its subclasses."""
    for one in NOTED_DOWN:
        note_down(*one)
