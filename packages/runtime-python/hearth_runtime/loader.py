"""Finds the user's handler: `dir/module.function` or `package.module.function`, as AWS looks for it."""

import os
import sys

from hearth_runtime.errors import RuntimeFault, user_frames


def load_handler(task_root, handler):
    """Raises what user code raises, or a RuntimeFault."""
    place, _, name = handler.rpartition(".")
    module_name = place.replace("/", ".").lstrip(".")
    if not module_name or not name:
        raise RuntimeFault("Runtime.MalformedHandlerName", "Bad handler '%s'" % handler)
    sys.path.insert(0, task_root)
    sys.path[1:1] = [entry for entry in os.environ.get("PYTHONPATH", "").split(":") if entry]
    module = _import(task_root, module_name)
    try:
        found = getattr(module, name)
    except AttributeError:
        raise RuntimeFault(
            "Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, module_name)
        ) from None
    if not callable(found):
        raise RuntimeFault("Runtime.HandlerNotFound", "Handler '%s' is not a function" % handler)
    return found


def _import(task_root, name):
    if name in sys.builtin_module_names:
        raise RuntimeFault(
            "Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % name
        )
    try:
        if _hides_a_loaded_module(task_root, name):
            return _load_file(name, _file_of(task_root, name))
        __import__(name)
        return sys.modules[name]
    except ImportError as error:
        message = "Unable to import module '%s': %s" % (name, error)
        raise RuntimeFault("Runtime.ImportModuleError", message, user_frames(error)) from None
    except SyntaxError as error:
        message = "Syntax error in module '%s': %s" % (name, error)
        trace = ['  File "%s" Line %s\n    %s\n' % (error.filename, error.lineno, (error.text or "").strip())]
        raise RuntimeFault("Runtime.UserCodeSyntaxError", message, trace) from None


def _file_of(task_root, name):
    return os.path.join(task_root, *name.split(".")) + ".py"


def _hides_a_loaded_module(task_root, name):
    """A user's `calendar.py` must be found although the standard library's module of that name is loaded already."""
    loaded = sys.modules.get(name)
    file = _file_of(task_root, name)
    return loaded is not None and os.path.exists(file) and getattr(loaded, "__file__", None) != file


def _load_file(name, file):
    """Without putting it into the table of modules, where the standard library looks for its own."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
