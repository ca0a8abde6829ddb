#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/base/result.h"

namespace committest::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

/// One key and value of a log line. The message is constant; what varies goes into fields.
struct Field {
  Field(std::string_view name, std::string text) : key(name), value(std::move(text)) {}
  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(text) {}
  template <typename Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view name, Number number) : key(name), value(std::to_string(number)) {}

  std::string key;
  std::string value;
};
using Fields = std::initializer_list<Field>;

/// Sets up the process's log on standard error. Call once at the start of `main`, before threads.
/// Without it, lines go out as text from level info on.
void Init(Level level, Format format);

/// "debug", "info", "warning", "error"; "text", "json". kInvalidArgument names the value.
Result<Level> ParseLevel(std::string_view text);
Result<Format> ParseFormat(std::string_view text);

/// Thread-safe, never throw. Every value passes through `Redact`.
void Debug(std::string_view message, Fields fields = {});
void Info(std::string_view message, Fields fields = {});
void Warning(std::string_view message, Fields fields = {});
void Failure(std::string_view message, const committest::Error& error, Fields fields = {});
void Error(std::string_view message, Fields fields = {});

}  // namespace committest::log
