#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace committest {

/// At most `max_bytes` of `text`, cut at a UTF-8 boundary, with "…" at the end if it was cut.
/// REQUIRES: max_bytes >= 3 (the length of the ellipsis).
std::string Truncate(std::string_view text, std::size_t max_bytes);

/// `text` with each byte that is not part of valid UTF-8 replaced by U+FFFD. The input of commit
/// messages, branch and test names is not to be trusted; JSON and the API want UTF-8.
std::string RepairUtf8(std::string_view text);

/// `text` made fit for one line that people read: invalid UTF-8 repaired; C0 and C1 controls, ANSI
/// escapes and bidirectional controls removed; line ends and tabs turned into spaces; trimmed.
std::string OneLine(std::string_view text);

/// `text`, a line that a program printed, made fit for a terminal: as `OneLine`, but tabs and blanks
/// stay where they are.
std::string PrintableLine(std::string_view text);

/// `text` without what must not be shown: userinfo in URLs ("https://user:pw@host" becomes
/// "https://***@host"; the name alone in "ssh://git@host" stays), the values of Authorization headers and of query parameters named
/// like a token, a password or a secret.
std::string Redact(std::string_view text);

std::string Lower(std::string_view text);
std::string_view Trim(std::string_view text);
std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

/// Lower-case hexadecimal SHA-256 of `data`, 64 characters.
std::string Sha256Hex(std::string_view data);

/// Standard base64 with padding (RFC 4648, 4).
std::string EncodeBase64(std::string_view data);

}  // namespace committest
