#include "observer/pkt_line.h"

#include <charconv>

namespace committest::observer {
namespace {

constexpr std::size_t kLengthDigits = 4;
constexpr std::string_view kErrorPrefix = "ERR ";

Pkt MakePkt(std::string_view payload) {
  if (payload.ends_with('\n')) payload.remove_suffix(1);
  if (payload.starts_with(kErrorPrefix)) {
    return {PktType::kError, payload.substr(kErrorPrefix.size())};
  }
  return {PktType::kData, payload};
}

}  // namespace

Result<Pkt> PktReader::Next() {
  if (rest_.empty()) return Pkt{};
  if (rest_.size() < kLengthDigits) {
    return Fail(ErrorCode::kDataLoss, "the answer ends inside a pkt-line's length");
  }
  std::size_t length = 0;
  const std::string_view digits = rest_.substr(0, kLengthDigits);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), length, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return Fail(ErrorCode::kDataLoss, "a pkt-line's length is not hexadecimal");
  }
  if (length < kLengthDigits) {
    rest_.remove_prefix(kLengthDigits);
    switch (length) {
      case 0:
        return Pkt{PktType::kFlush, {}};
      case 1:
        return Pkt{PktType::kDelim, {}};
      case 2:
        return Pkt{PktType::kResponseEnd, {}};
      default:
        return Fail(ErrorCode::kDataLoss, "a pkt-line has the reserved length 3");
    }
  }
  if (length > kMaxPktBytes) {
    return Fail(ErrorCode::kDataLoss, "a pkt-line is longer than the protocol allows");
  }
  if (length > rest_.size()) {
    return Fail(ErrorCode::kDataLoss, "the answer ends inside a pkt-line");
  }
  const std::string_view payload = rest_.substr(kLengthDigits, length - kLengthDigits);
  rest_.remove_prefix(length);
  return MakePkt(payload);
}

std::string EncodePkt(std::string_view payload) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::size_t length = payload.size() + kLengthDigits;
  std::string out;
  out.reserve(length);
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out.push_back(kDigits[(length >> shift) & 0xFU]);
  return out.append(payload);
}

}  // namespace committest::observer
