# Returns what its context object says.
import os


def handler(event, context):
    return {
        "requestId": context.aws_request_id,
        "functionName": context.function_name,
        "functionVersion": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "logGroup": context.log_group_name,
        "logStream": context.log_stream_name,
        "remainingMs": context.get_remaining_time_in_millis(),
        "custom": context.client_context.custom if context.client_context else None,
        "traceId": os.environ.get("_X_AMZN_TRACE_ID"),
    }
