#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace committest::runner
