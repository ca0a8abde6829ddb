#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"

namespace committest::kube {

/// What a watch event says about its object. `ERROR` events never get this far: they end the
/// stream as an `Error`.
enum class WatchEventType {
  kAdded,
  kModified,
  kDeleted,
  kBookmark,  ///< Only the object's resource version counts.
};

/// Takes one event. An error ends the stream and comes out of `WatchDecoder::Feed`.
using WatchEventSink = std::function<Status(WatchEventType, nlohmann::json&& object)>;

/// Turns the bytes of a watch stream, in whatever pieces they arrive, into events: one JSON
/// document per line. Pure: no I/O, no time. One stream per decoder; not thread-safe.
///
/// A last line without its line end is never handed out: a stream that was cut in the middle of
/// an event has not delivered it, and the next watch will.
class WatchDecoder {
 public:
  /// The longest line that is taken, beyond any object that etcd stores (1.5 MiB by default).
  static constexpr std::size_t kMaxLineBytes = std::size_t{8} * 1024 * 1024;

  /// Members of each object named in `drop` ("metadata.managedFields") never take memory beyond
  /// the line itself.
  WatchDecoder(std::vector<std::string> drop, WatchEventSink sink,
               std::size_t max_line_bytes = kMaxLineBytes);

  /// Takes the next bytes and calls the sink for each event that they complete.
  ///
  /// Errors, after each of which the stream is worthless and every further call returns the same:
  ///  - kDataLoss, reason "InvalidJson": a line is no JSON object, or has no `type` or `object`;
  ///  - kDataLoss, reason "LineTooLong": a line is longer than `max_line_bytes`;
  ///  - kDataLoss, reason "UnknownEvent": a type that this client does not know, so that it cannot
  ///    tell what it missed;
  ///  - the Error of an `ERROR` event, by its Status' code (kGone for 410) and reason;
  ///  - whatever the sink returned.
  Status Feed(std::string_view bytes);

  /// How many bytes of an unfinished line are held.
  std::size_t Pending() const { return line_.size(); }

 private:
  Status Consume(std::string_view bytes);
  Status TakeLine(std::string_view line);

  const std::vector<std::string> drop_;
  const WatchEventSink sink_;
  const std::size_t max_line_bytes_;
  std::string line_;
  Status outcome_;
};

}  // namespace committest::kube
