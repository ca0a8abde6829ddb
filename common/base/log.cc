#include "common/base/log.h"

#include <atomic>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/base/strings.h"

namespace committest::log {
namespace {

// The only mutable global of the project: a log must also work before and after everything else.
std::atomic<Format> g_format{Format::kText};

spdlog::logger& Logger() {
  static const auto kLogger = [] {
    auto logger = spdlog::stderr_logger_mt("committest");
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::debug);
    return logger;
  }();
  return *kLogger;
}

spdlog::level::level_enum SpdlogLevel(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "info";
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : RepairUtf8(text)) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append(fmt::format("\\u{:04x}", static_cast<unsigned>(c)));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

std::string Now() {
  const auto now = spdlog::log_clock::now();
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()) %
      std::chrono::seconds(1);
  const std::time_t seconds = spdlog::log_clock::to_time_t(now);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     millis.count());
}

template <typename Range>
std::string Render(Level level, std::string_view message, const Range& fields) {
  if (g_format.load(std::memory_order_relaxed) == Format::kJson) {
    std::string line = fmt::format(R"({{"time":"{}","level":"{}","message":{})", Now(),
                                   LevelName(level), Quote(message));
    for (const Field& field : fields) {
      line.append(fmt::format(",{}:{}", Quote(field.key), Quote(Redact(field.value))));
    }
    return line.append("}");
  }
  std::string line = fmt::format("{} {:7} {}", Now(), LevelName(level), message);
  for (const Field& field : fields) {
    line.append(fmt::format(" {}={}", field.key, Quote(Redact(field.value))));
  }
  return line;
}

template <typename Range>
void Write(Level level, std::string_view message, const Range& fields) {
  if (!Logger().should_log(SpdlogLevel(level))) return;
  try {
    Logger().log(SpdlogLevel(level), Render(level, message, fields));
  } catch (const std::exception&) {
    // Nothing is left to tell it to, and a log line is never worth the process.
    return;
  }
}

}  // namespace

void Init(Level level, Format format) {
  g_format = format;
  Logger().set_level(SpdlogLevel(level));
}

Result<Level> ParseLevel(std::string_view text) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (text == LevelName(level)) return level;
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("log level is '{}', expected debug, info, warning or error", text));
}

Result<Format> ParseFormat(std::string_view text) {
  if (text == "text") return Format::kText;
  if (text == "json") return Format::kJson;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("log format is '{}', expected text or json", text));
}

void Debug(std::string_view message, Fields fields) { Write(Level::kDebug, message, fields); }
void Info(std::string_view message, Fields fields) { Write(Level::kInfo, message, fields); }
void Warning(std::string_view message, Fields fields) { Write(Level::kWarning, message, fields); }
void Error(std::string_view message, Fields fields) { Write(Level::kError, message, fields); }

void Failure(std::string_view message, const committest::Error& error, Fields fields) {
  std::vector<Field> all(fields.begin(), fields.end());
  all.emplace_back("code", ErrorCodeName(error.code));
  all.emplace_back("error", error.message);
  Write(Level::kWarning, message, all);
}

}  // namespace committest::log
