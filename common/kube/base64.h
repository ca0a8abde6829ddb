#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace committest::kube {

/// Decodes standard base64 with padding (RFC 4648, 4); white space between is skipped. nullopt when
/// `text` is anything else.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace committest::kube
