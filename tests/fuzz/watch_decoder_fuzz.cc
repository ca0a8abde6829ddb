// The watch decoder against a reference that has the whole stream and all the time: same events,
// same end, however the bytes are cut.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/kube/watch_decoder.h"
#include "tests/fuzz/fuzz.h"

namespace committest::kube {
namespace {

using fuzz::Expect;
using nlohmann::json;

constexpr std::size_t kMaxLineBytes = 1024;

struct Outcome {
  std::vector<std::pair<WatchEventType, json>> events;
  Status status;
};

bool SameError(const Status& a, const Status& b) {
  return a.has_value() == b.has_value() &&
         (a || (a.error().code == b.error().code && a.error().reason == b.error().reason &&
                a.error().message == b.error().message));
}

Outcome Decode(std::string_view stream, std::size_t piece_bytes) {
  Outcome outcome;
  WatchDecoder decoder(
      {"metadata.managedFields"},
      [&outcome](WatchEventType type, json&& object) -> Status {
        outcome.events.emplace_back(type, std::move(object));
        return {};
      },
      kMaxLineBytes);
  while (!stream.empty() && outcome.status) {
    outcome.status = decoder.Feed(stream.substr(0, piece_bytes));
    stream.remove_prefix(std::min(piece_bytes, stream.size()));
    Expect(decoder.Pending() <= kMaxLineBytes, "an unfinished line is bounded");
  }
  if (!outcome.status) {
    const std::size_t events = outcome.events.size();
    Expect(SameError(decoder.Feed("{\"type\":\"ADDED\",\"object\":{}}\n"), outcome.status),
           "a stream that failed stays failed");
    Expect(outcome.events.size() == events, "a stream that failed has no more events");
    Expect(decoder.Pending() == 0, "a stream that failed holds no memory");
  }
  return outcome;
}

// What the lines of a stream mean, read one by one.
Outcome Reference(std::string_view stream) {
  constexpr std::array<const char*, 4> kTypes{"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
  Outcome outcome;
  while (stream.find('\n') != std::string_view::npos) {
    const std::string_view line = fuzz::TakeLine(stream);
    if (line.size() <= kMaxLineBytes && Trim(line).empty()) continue;
    json event = json::parse(line, nullptr, false);
    const bool is_event = line.size() <= kMaxLineBytes && event.is_object() &&
                          event.contains("object") && event["object"].is_object();
    std::size_t type = 0;
    while (is_event && type < kTypes.size() &&
           event.value("/type"_json_pointer, json()) != kTypes[type]) {
      ++type;
    }
    if (!is_event || type == kTypes.size()) {
      outcome.status = Fail(ErrorCode::kDataLoss, "");
      return outcome;
    }
    json& object = event["object"];
    if (object.contains("metadata") && object["metadata"].is_object()) {
      object["metadata"].erase("managedFields");
    }
    outcome.events.emplace_back(static_cast<WatchEventType>(type), std::move(object));
  }
  if (stream.size() > kMaxLineBytes) outcome.status = Fail(ErrorCode::kDataLoss, "");
  return outcome;
}

}  // namespace
}  // namespace committest::kube

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::kube;
  using committest::fuzz::Expect;
  const std::string_view stream = committest::fuzz::Text(data, size);
  const Outcome whole = Decode(stream, size + 1);
  const Outcome expected = Reference(stream);
  Expect(whole.events == expected.events, "the events are those of the complete lines, in order");
  Expect(whole.status.has_value() == expected.status.has_value(),
         "the stream fails if a line is no event");
  for (const std::size_t piece_bytes : {std::size_t{1}, std::size_t{7}, size / 2 + 1}) {
    const Outcome cut = Decode(stream, piece_bytes);
    Expect(cut.events == whole.events, "the events do not depend on where the stream is cut");
    Expect(SameError(cut.status, whole.status), "nor does how it ends");
  }
  if (!whole.status) {
    Expect(committest::fuzz::IsCleanLine(whole.status.error().message, 2048),
           "the error can be shown to people");
  }
  return 0;
}
