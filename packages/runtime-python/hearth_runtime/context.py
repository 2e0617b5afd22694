"""The context object of a call, with the members AWS documents for Python."""

from time import monotonic as _now


class Context:
    # Not slots: libraries hang attributes of their own on it.
    def __init__(self, init, request_id, timeout_ms, extras):
        self._deadline = _now() + timeout_ms / 1000
        self.aws_request_id = request_id
        self.function_name = init["functionName"]
        self.function_version = init["functionVersion"]
        self.invoked_function_arn = init["invokedFunctionArn"]
        self.memory_limit_in_mb = init["memoryLimitInMb"]
        self.log_group_name = init["logGroup"]
        self.log_stream_name = init["logStream"]
        self.identity = NO_IDENTITY
        self.client_context = None
        self.tenant_id = None
        if extras is not None:
            self._add(extras)

    def _add(self, extras):
        self.invoked_function_arn = extras.get("invokedFunctionArn", self.invoked_function_arn)
        if isinstance(extras.get("identity"), dict):
            self.identity = CognitoIdentity(extras["identity"])
        if isinstance(extras.get("clientContext"), dict):
            self.client_context = ClientContext(extras["clientContext"])

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - _now()) * 1000))

    def log(self, text):
        print(text, end="")

    def __repr__(self):
        members = ", ".join("%s=%r" % item for item in vars(self).items() if item[0] != "_deadline")
        return "LambdaContext([%s])" % members


class CognitoIdentity:
    def __init__(self, identity):
        self.cognito_identity_id = identity.get("cognitoIdentityId", identity.get("cognito_identity_id"))
        self.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId", identity.get("cognito_identity_pool_id"))


class ClientContext:
    def __init__(self, context):
        self.custom = context.get("custom")
        self.env = context.get("env")
        client = context.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class Client:
    def __init__(self, client):
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"):
            setattr(self, name, client.get(name))


NO_IDENTITY = CognitoIdentity({})
