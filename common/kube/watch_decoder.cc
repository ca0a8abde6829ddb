#include "common/kube/watch_decoder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/kube/api_error.h"
#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

using nlohmann::json;

// Enough of a bad line to recognise what it is, little enough to log.
constexpr std::size_t kExcerptBytes = 200;

constexpr std::array<std::pair<std::string_view, WatchEventType>, 4> kTypes{{
    {"ADDED", WatchEventType::kAdded},
    {"MODIFIED", WatchEventType::kModified},
    {"DELETED", WatchEventType::kDeleted},
    {"BOOKMARK", WatchEventType::kBookmark},
}};

std::optional<WatchEventType> ParseType(std::string_view type) {
  const auto* it = std::ranges::find(kTypes, type, [](const auto& row) { return row.first; });
  if (it == kTypes.end()) return std::nullopt;
  return it->second;
}

void Erase(json& object, std::string_view path) {
  json* parent = &object;
  while (parent->is_object()) {
    const std::size_t dot = path.find('.');
    const auto it = parent->find(path.substr(0, dot));
    if (it == parent->end()) return;
    if (dot == std::string_view::npos) {
      parent->erase(it);
      return;
    }
    parent = &*it;
    path.remove_prefix(dot + 1);
  }
}

tl::unexpected<Error> Invalid(std::string_view why, std::string_view line) {
  return Fail(ErrorCode::kDataLoss,
              "a watch event " + std::string(why) + ": " + OneLine(Truncate(line, kExcerptBytes)),
              "InvalidJson");
}

}  // namespace

WatchDecoder::WatchDecoder(std::vector<std::string> drop, WatchEventSink sink,
                           std::size_t max_line_bytes)
    : drop_(std::move(drop)), sink_(std::move(sink)), max_line_bytes_(max_line_bytes) {}

Status WatchDecoder::Feed(std::string_view bytes) {
  if (outcome_) outcome_ = Consume(bytes);
  if (!outcome_) std::string().swap(line_);
  return outcome_;
}

Status WatchDecoder::Consume(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > max_line_bytes_) {
      return Fail(ErrorCode::kDataLoss,
                  "a watch event is longer than " + std::to_string(max_line_bytes_) + " bytes",
                  "LineTooLong");
    }
    if (end == std::string_view::npos) {
      line_.append(piece);
      return {};
    }
    // A line that lies in one piece is parsed where it is.
    const bool in_one_piece = line_.empty();
    if (!in_one_piece) line_.append(piece);
    if (auto status = TakeLine(in_one_piece ? piece : line_); !status) return status;
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
  return {};
}

Status WatchDecoder::TakeLine(std::string_view line) {
  if (Trim(line).empty()) return {};
  json event = json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto object = event.find("object");
  if (!event.is_object() || object == event.end() || !object->is_object()) {
    return Invalid("is no JSON object with an object", line);
  }
  const std::string type = StringAt(event, "type");
  if (type == "ERROR") {
    Error error = ErrorFromStatus(*object);
    error.message.insert(0, "the server ended the watch: ");
    return Fail(std::move(error));
  }
  if (type.empty()) return Invalid("has no type", line);
  const auto known = ParseType(type);
  if (!known) {
    return Fail(ErrorCode::kDataLoss,
                "a watch event has the unknown type " + OneLine(Truncate(type, 64)),
                "UnknownEvent");
  }
  for (const std::string& path : drop_) Erase(*object, path);
  return sink_(*known, std::move(*object));
}

}  // namespace committest::kube
