#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "observer/git_remote.h"
#include "observer/ref_pattern.h"

namespace committest::observer {

// The pure half of the `ls-refs` client: what to send, and what an answer means. Nothing here does
// I/O; every decoder is total over hostile bytes.

enum class ObjectFormat : std::uint8_t { kSha1, kSha256 };

/// What a server said of itself in its answer to `GET info/refs?service=git-upload-pack`.
struct ServerCapabilities {
  std::uint8_t protocol = 0;  ///< 2, or 0 for the old protocol (v1 counts as 0).
  ObjectFormat object_format = ObjectFormat::kSha1;
  bool announces_object_format = false;  ///< A v2 server then wants it back in each request.
};

/// How long at least what is known of a server is remembered when it is not used: longer than the
/// longest poll period with its jitter.
inline constexpr std::chrono::hours kServersRemembered{27};
/// Of how many at least; far above the repositories that one process observes.
inline constexpr std::size_t kMaxServersRemembered = 20'000;

/// The answer to `info/refs`. A v2 server only says what it can do; a v0 server has sent all refs.
struct Advertisement {
  ServerCapabilities capabilities;
  RemoteRefs refs;  ///< Of a v0 server; all that are allowed, and `head_ref`.
};

/// kDataLoss: not Git's protocol or truncated; kUnavailable: the server sent an ERR line. `rest`, if
/// given, is set to what follows the advertisement.
Result<Advertisement> DecodeAdvertisement(std::string_view body, std::string_view* rest = nullptr);

/// The body of `POST git-upload-pack` that asks a v2 server for the refs under the literal prefixes
/// of `patterns`, or for HEAD when there are none. Peeled values are asked for only when a pattern
/// can match outside refs/heads/, because only other refs point to tags.
std::string EncodeLsRefs(const ServerCapabilities& server, const std::vector<RefPattern>& patterns);

/// The answer to it. With no patterns: the one branch that HEAD points to. Refs that no pattern
/// matches are dropped (a prefix matches more than its glob), and so are names that are not
/// allowed, which are counted. kDataLoss: malformed, truncated (no flush at the end) or an object
/// name that is none; kUnavailable: the server sent an ERR line.
Result<RemoteRefs> DecodeLsRefs(std::string_view body, const std::vector<RefPattern>& patterns);

/// Those of a v0 server's refs that `patterns` want, by the same rules.
RemoteRefs FilterRefs(RemoteRefs all, const std::vector<RefPattern>& patterns);

}  // namespace committest::observer
