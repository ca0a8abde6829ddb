#pragma once

#include <cstdint>
#include <memory>

#include "common/base/result.h"
#include "observer/config.h"

namespace committest::observer {

/// The observer, put together. Owned and used by one thread.
///
/// Start: health and metrics, webhooks, then workers, then watches, whose events feed the workers.
/// Stop: git processes and listings are ended, webhooks, the queue and its workers, the watches, the
/// server of health and metrics last.
class App {
 public:
  /// kInvalidArgument or kNotFound: no usable configuration of the API server; kUnavailable: the
  /// data folder cannot be made, or the HTTP address is taken.
  static Result<std::unique_ptr<App>> Start(const Config& config);

  /// Stops; may be called again.
  virtual void Stop() = 0;
  /// Where health and metrics are served.
  virtual std::uint16_t HttpPort() const = 0;
  /// Where webhooks are taken; 0 for nowhere.
  virtual std::uint16_t WebhookPort() const = 0;

  virtual ~App() = default;
};

}  // namespace committest::observer
