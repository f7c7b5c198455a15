"""
moto's server, run as `moto_server` is, with what its CloudFormation lacks for deploying `infra/` mended.

Each mend says what AWS does. Nothing here makes a failure succeed: what moto's services refuse is refused.
"""

import copy
import sys
from contextlib import contextmanager
from functools import wraps

from moto.cloudformation import models as stacks
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2 import ec2_backends
from moto.ec2.models.instances import Instance
from moto.ec2.models.route_tables import RouteTable
from moto.ec2.models.subnets import SubnetRouteTableAssociation
from moto.iam import models as iam
from moto.rds.models import DBParameterGroup
from moto.redshift.models import Cluster
from moto.server import main
from moto.ssm.models import Parameter
from moto_types import add_types

IMAGE = "ami-12c6146b"
NEWER_IMAGE = "ami-03cf127a"


def mend():
    """Mends moto in this process."""
    add_types()
    mend_attributes()
    mend_updates()
    mend_change_sets()
    mend_deletions()


def mend_attributes():
    # A parameter group's `Ref` is its name; moto gives Python's own text for the object.
    DBParameterGroup.physical_resource_id = property(lambda group: group.name)
    # Redshift tells the ARN of the secret that it keeps.
    known, get = Cluster.has_cfn_attr, Cluster.get_cfn_attribute
    Cluster.has_cfn_attr = classmethod(
        lambda cls, name: name == "MasterPasswordSecretArn" or known(name)
    )
    Cluster.get_cfn_attribute = lambda cluster, name: (
        f"arn:aws:secretsmanager:{cluster.region}:123456789012:secret:redshift!{cluster.cluster_identifier}-AbCdEf"
        if name == "MasterPasswordSecretArn"
        else get(cluster, name)
    )
    # A parameter's tags are a map of names to values (CloudFormation, "AWS::SSM::Parameter"); moto takes the list of SSM's own API.
    make = Parameter.create_from_cloudformation_json.__func__

    def make_parameter(cls, name, resource, *rest, **more):
        properties = dict(resource["Properties"])
        properties["Tags"] = [
            {"Key": key, "Value": value}
            for key, value in properties.get("Tags", {}).items()
        ]
        return make(cls, name, {**resource, "Properties": properties}, *rest, **more)

    Parameter.create_from_cloudformation_json = classmethod(make_parameter)
    # A password is 8 to 41 characters; what stands for one is looked up before.
    resolve = parsing.clean_json

    @wraps(resolve)
    def clean_json(value, resources):
        cleaned = resolve(value, resources)
        return (
            "looked-up-by-cloudformation"
            if isinstance(cleaned, str)
            and cleaned.startswith("{{resolve:secretsmanager:")
            else cleaned
        )

    parsing.clean_json = clean_json
    # Canonical publishes the ids of its images as parameters, which moto has of Amazon's alone.
    look_up = parsing.ResourceMap.parse_ssm_parameter

    def parse_ssm_parameter(resources, value, kind):
        if value.startswith("/aws/service/canonical/ubuntu/"):
            return IMAGE if "/20260313/" in value else NEWER_IMAGE
        # A value that an update keeps is handed on as it was looked up.
        return look_up(resources, value, kind) if value.startswith("/") else value

    parsing.ResourceMap.parse_ssm_parameter = parse_ssm_parameter


def mend_updates():
    # moto forgets a resource whose update it lacks; here it stays as it was. A machine with another image is a new one.
    update = parsing.parse_and_update_resource

    def parse_and_update_resource(
        logical_id, resource, resources, account_id, region_name
    ):
        before, kind = (
            resources[logical_id],
            parsing.resource_class_from_type(resource["Type"]),
        )
        with told("UPDATE", logical_id, resource):
            if not hasattr(
                kind.update_from_cloudformation_json, "__isabstractmethod__"
            ):
                return update(logical_id, resource, resources, account_id, region_name)
            if kind is not Instance:
                return before
            image = parsing.parse_resource(copy.deepcopy(resource), resources)[1][
                "Properties"
            ]["ImageId"]
            if image == before.image_id:
                return before
            after = parsing.parse_and_create_resource(
                logical_id, resource, resources, account_id, region_name
            )
            before.delete(account_id, region_name)
            return after

    create = parsing.parse_and_create_resource

    def parse_and_create_resource(logical_id, resource, *args, **kwargs):
        with told("CREATE", logical_id, resource):
            return create(logical_id, resource, *args, **kwargs)

    parsing.parse_and_update_resource = parse_and_update_resource
    parsing.parse_and_create_resource = parse_and_create_resource
    # A user is replaced when its name changes, not because it has one: the new one would meet its own name.
    replace = iam.User.update_from_cloudformation_json.__func__

    def update_user(cls, **given):
        user = given["original_resource"]
        return (
            user if given["new_resource_name"] == user.name else replace(cls, **given)
        )

    iam.User.update_from_cloudformation_json = classmethod(update_user)


@contextmanager
def told(verb, logical_id, resource):
    """An error carries what was done to which resource when it was raised: the innermost."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "of_resource"):
            error.of_resource = (verb, logical_id, resource["Type"])
        raise


def mend_change_sets():
    # moto answers HTTP 500 when a resource fails, and takes the change set for done when it is executed again.
    # What a change set makes has outputs, exports, tags and a time, as what CreateStack makes.
    backend_class = stacks.CloudFormationBackend
    create = backend_class.create_change_set

    @wraps(create)
    def create_change_set(backend, *args, **kwargs):
        change_set, stack_id = create(backend, *args, **kwargs)
        stack, made = backend.stacks[stack_id], backend.change_sets[change_set]
        kept = stack.stack_parameters if stack.template_dict else {}
        same = all(kept.get(name) == value for name, value in made.parameters.items())
        if stack.template_dict == made.template_dict and same:
            # The parameters that an update keeps are no change.
            made.status, made.execution_status = "FAILED", "UNAVAILABLE"
            made.status_reason = "The submitted information didn't contain changes."
        stack.cross_stack_resources = stack.resource_map.cross_stack_resources = (
            backend.exports
        )
        return change_set, stack_id

    def execute_change_set(backend, change_set_name, stack_name=None):
        change_set = backend.describe_change_set(change_set_name)
        stack, verb = backend.stacks[change_set.stack_id], change_set.change_set_type
        before = stack.template_dict
        stack.status = f"{verb}_IN_PROGRESS"
        stack._add_stack_event(stack.status, "User Initiated")
        try:
            change_set.apply()
        except Exception as error:  # noqa: BLE001 whatever a service refuses with
            return roll_back(stack, verb, before, error)
        change_set.execution_status = "EXECUTE_COMPLETE"
        stack.template, stack.tags = change_set.template, change_set.tags or {}
        stack._parse_template()
        stack.output_map = stack._create_output_map()
        stack.status = f"{verb}_COMPLETE"
        stack._add_stack_event(stack.status)
        tell_exports(backend, stack)

    def delete_change_set(backend, change_set_name):
        # One that is not there is deleted without an error.
        for key, one in list(backend.change_sets.items()):
            if change_set_name in (key, one.change_set_name):
                del backend.change_sets[key]

    describe = backend_class.describe_change_set

    def describe_change_set(backend, change_set_name):
        try:
            return describe(backend, change_set_name)
        except ValidationError:
            raise NoChangeSet(f"ChangeSet [{change_set_name}] does not exist") from None

    update = backend_class.update_stack

    def update_stack(backend, *args, **kwargs):
        stack = update(backend, *args, **kwargs)
        tell_exports(backend, stack)
        return stack

    backend_class.create_change_set = create_change_set
    backend_class.execute_change_set = execute_change_set
    backend_class.delete_change_set = delete_change_set
    backend_class.describe_change_set = describe_change_set
    backend_class.update_stack = update_stack


class NoChangeSet(CloudFormationError):
    code = "ChangeSetNotFound"


def tell_exports(backend, stack):
    """moto reads a stack's exports when it is created, and never again."""
    for name in [
        name
        for name, export in backend.exports.items()
        if export.exporting_stack_id == stack.stack_id
    ]:
        del backend.exports[name]
    backend.exports.update({export.name: export for export in stack.exports})
    stack.last_updated_time = utcnow()


def roll_back(stack, verb, before, error):
    """moto answers HTTP 500 when a service refuses a resource. AWS tells it as an event, and takes the stack back."""
    whole = (verb, stack.name, "AWS::CloudFormation::Stack")
    failed, logical_id, kind = getattr(error, "of_resource", whole)
    reason = f"{getattr(error, 'message', None) or error} (Service: {kind.split('::')[1]}, Status Code: 400)"
    stack.events.append(
        stacks.Event(
            stack.stack_id,
            stack.name,
            logical_id,
            "",
            kind,
            f"{failed}_FAILED",
            reason,
            None,
        )
    )
    prefix = "UPDATE_ROLLBACK" if verb == "UPDATE" else "ROLLBACK"
    summary = f"The following resource(s) failed to {failed.lower()}: [{logical_id}]."
    stack._add_stack_event(f"{prefix}_IN_PROGRESS", summary)
    if verb == "UPDATE":
        stack.resource_map.update(before)
    else:
        stack.resource_map.delete()
    stack.status, stack.last_updated_time = f"{prefix}_COMPLETE", utcnow()
    stack._add_stack_event(stack.status)


def mend_deletions():
    # moto leaves route tables where they are, and then cannot delete their network.
    def delete_table(table, account, region):
        ec2_backends[account][region].delete_route_table(table.id)

    def delete_association(association, account, region):
        for table in ec2_backends[account][region].route_tables.values():
            for key, subnet in list(table._associations.items()):
                if subnet == association.subnet_id:
                    del table._associations[key]

    RouteTable.delete = delete_table
    SubnetRouteTableAssociation.delete = delete_association

    # A protected stack is not deleted. Of a deleted one nothing is made anew when somebody looks at it.
    delete = stacks.CloudFormationBackend.delete_stack

    def delete_stack(backend, name_or_stack_id):
        stack = backend.get_stack(name_or_stack_id)
        if stack.enable_termination_protection:
            raise ValidationError(
                message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        # RetainExceptOnCreate keeps a resource of a stack that is deleted (CloudFormation, "DeletionPolicy attribute"); moto knows Retain alone.
        for resource in stack.resource_map._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(backend, name_or_stack_id)
        stack.resource_map._resource_json_map = {}
        stack.output_map = parsing.OutputMap(stack.resource_map, {}, stack.stack_id)

    def update_termination_protection(response):
        stack = response.cloudformation_backend.get_stack(
            response._get_param("StackName")
        )
        stack.enable_termination_protection = response._get_bool_param(
            "EnableTerminationProtection"
        )
        return ActionResult({"StackId": stack.stack_id})

    stacks.CloudFormationBackend.delete_stack = delete_stack
    CloudFormationResponse.update_termination_protection = update_termination_protection


if __name__ == "__main__":
    mend()
    sys.exit(main())
