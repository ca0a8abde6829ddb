#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/api/run_request.h"

namespace committest::runner {

using Environment = std::map<std::string, std::string>;

/// "NAME=value" strings to a map; entries without '=' are left out.
Environment ParseEnvironment(const char* const* entries);

/// "NAME=value" strings, as `execve` wants them.
std::vector<std::string> FormatEnvironment(const Environment& environment);

/// What git gets: nothing of ours but PATH, the proxy and the certificate settings. Its own
/// settings switch off prompts, system and user configuration, and LFS. Transports are
/// `CheckoutAccess`'s. `home` is an empty folder of the runner's own.
Environment GitEnvironment(const Environment& own, const std::string& home);

/// What the tests get: the container's environment without the runner's own variables
/// (COMMITTEST_…) and without the addresses of the API server that Kubernetes puts into every
/// container; with HOME, COMMITTEST and COMMIT_SHA set, and PATH, LANG, CI and PYTHONUNBUFFERED
/// unless they are set already. CONTRACT.md lists them.
Environment TestEnvironment(const Environment& own, const std::string& home,
                            std::string_view commit);

/// `tests` with what the tools of `framework` need to write below `home`. Images of tool chains name
/// folders of their own root file system, which is read-only: a variable whose folder cannot be
/// written gets one below `home`. CONTRACT.md lists the variables.
Environment ToolEnvironment(Environment tests, api::Framework framework, const std::string& home,
                            const std::function<bool(const std::string&)>& is_writable);

}  // namespace committest::runner
