#include "common/base/strings.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "common/base/utf8.h"

namespace committest {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

bool IsControl(std::uint32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

bool IsBidirectionalControl(std::uint32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

bool IsBlank(std::uint32_t c) { return c == '\n' || c == '\r' || c == '\t' || c == 0x2028; }

// The length of the ANSI escape sequence that `text` starts with (ECMA-48 CSI and OSC), else 0.
std::size_t EscapeLength(std::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b') return 0;
  if (text[1] == '[') {
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] >= 0x40 && text[i] <= 0x7E) return i + 1;
    }
    return text.size();
  }
  if (text[1] == ']') {
    const auto end = text.find_first_of("\x07\x1b", 2);
    if (end == std::string_view::npos) return text.size();
    return end + (text[end] == '\x1b' && end + 1 < text.size() ? 2 : 1);
  }
  return 2;
}

std::string Printable(std::string_view text, bool keep_tabs) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (const std::size_t escape = EscapeLength(text); escape > 0) {
      text.remove_prefix(escape);
      continue;
    }
    const Utf8Char c = DecodeUtf8(text);
    if (!c.valid) {
      out.append(kReplacement);
    } else if (keep_tabs && (c.code_point == '\t' || c.code_point == '\r')) {
      if (c.code_point == '\t') out.push_back('\t');
    } else if (IsBlank(c.code_point)) {
      out.push_back(' ');
    } else if (!IsControl(c.code_point) && !IsBidirectionalControl(c.code_point)) {
      out.append(text.substr(0, c.length));
    }
    text.remove_prefix(c.length);
  }
  return out;
}

constexpr std::string_view kHidden = "***";
constexpr std::string_view kValueEnd = " \t\r\n\"',;";

// Each of these passes over the text once, so that a hostile megabyte costs no more than its
// length.

std::string HideUserInfo(std::string_view text) {
  std::string out;
  for (;;) {
    const auto scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) return out.append(text);
    // Over ssh a key proves who one is; the name alone is part of the address.
    const bool is_ssh = text.substr(0, scheme_end).ends_with("ssh");
    out.append(text.substr(0, scheme_end + 3));
    text.remove_prefix(scheme_end + 3);
    const auto authority = text.substr(0, text.find_first_of("/?# \t\r\n\"'"));
    const auto at = authority.rfind('@');
    const bool is_name =
        is_ssh && authority.substr(0, at).find_first_of(":@") == std::string_view::npos;
    if (at != std::string_view::npos && !is_name) {
      out.append(kHidden);
      text.remove_prefix(at);
    }
  }
}

std::string HideAuthorization(std::string_view text) {
  constexpr std::string_view kHeader = "authorization";
  const std::string lower = Lower(text);
  std::string out;
  std::size_t done = 0;
  for (auto at = lower.find(kHeader); at != std::string::npos; at = lower.find(kHeader, done)) {
    auto value = lower.find_first_not_of(": =\t", at + kHeader.size());
    value = std::min(value, lower.size());
    for (const std::string_view scheme : {"bearer ", "basic ", "token "}) {
      if (lower.compare(value, scheme.size(), scheme) == 0) value += scheme.size();
    }
    const auto end = std::min(lower.find_first_of(kValueEnd, value), lower.size());
    out.append(text.substr(done, value - done));
    if (end > value) out.append(kHidden);
    done = end;
  }
  return out.append(text.substr(done));
}

bool NamesSecret(std::string_view key) {
  const std::string lower = Lower(key);
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"token", "password", "secret", "signature", "key"},
      [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

std::string HideQueryValues(std::string_view text) {
  std::string out;
  for (;;) {
    const auto start = text.find_first_of("?&");
    if (start == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, start + 1));
    text.remove_prefix(start + 1);
    const auto key_end = text.find_first_of("=?& \t\r\n");
    if (key_end == std::string_view::npos || text[key_end] != '=') continue;
    if (!NamesSecret(text.substr(0, key_end))) continue;
    out.append(text.substr(0, key_end + 1)).append(kHidden);
    text.remove_prefix(std::min(text.find_first_of("& \t\r\n\"'", key_end), text.size()));
  }
}

}  // namespace

std::string Truncate(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t cut = max_bytes - kEllipsis.size();
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return std::string(text.substr(0, cut)).append(kEllipsis);
}

std::string RepairUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    out.append(c.valid ? text.substr(0, c.length) : kReplacement);
    text.remove_prefix(c.length);
  }
  return out;
}

std::string OneLine(std::string_view text) { return std::string(Trim(Printable(text, false))); }

std::string PrintableLine(std::string_view text) { return Printable(text, true); }

std::string Redact(std::string_view text) {
  return HideQueryValues(HideAuthorization(HideUserInfo(text)));
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return out;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) out.append(separator);
    out.append(part);
  }
  return out;
}

std::string Sha256Hex(std::string_view data) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
  std::string out;
  out.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 0xFU]);
  }
  return out;
}

std::string EncodeBase64(std::string_view data) {
  std::string out(4 * ((data.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(data.data()),
                                   static_cast<int>(data.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace committest
