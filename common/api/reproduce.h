#pragma once

#include <string>

#include "common/api/commit_test.h"

namespace committest::api {

// Lines that a developer can paste into a shell to run the same tests of the same commit again. Pure.
// Whatever the spec holds, a line is printable ASCII and runs nothing else; credentials in the URL
// are left out, and a variable whose name says that it holds a secret (password, token, secret,
// credential, key) has the value that it has where the line is pasted. Empty when there is no such line, because it would be too long or hold what no word
// of a shell can say: a cut line could do something else than the whole one.

/// What a container gets when the spec does not say.
struct ContainerDefaults {
  std::string image;   ///< The runner's own.
  std::string memory;  ///< A quantity, such as "512Mi".
};

/// As many bytes as `status.reproduceCommand` may hold.
inline constexpr std::size_t kMaxReproduceBytes = 8192;

/// The request that the runner of `spec` gets, as JSON in ASCII.
std::string RunRequestText(const CommitTestSpec& spec);

/// By docker or, without it, podman: the containers, images, request, variables and memory limit of the
/// Pod, and its fences: another user, no capabilities, nothing writable but /workspace and /tmp. For a
/// POSIX shell; credentials of private repositories are not in it.
std::string ReproduceCommand(const CommitTestSpec& spec, const ContainerDefaults& defaults);

/// By the runner alone, on this machine and with its programs: `committest-runner local …`.
std::string LocalCommand(const CommitTestSpec& spec);

}  // namespace committest::api
