#include "observer/config_yaml.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "common/base/strings.h"
#include "common/base/utf8.h"

namespace committest::observer {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxShownBytes = 80;

TextPlace PlaceAt(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

std::string Shown(std::string_view text) {
  return "'" + Truncate(Redact(OneLine(text)), kMaxShownBytes) + "'";
}

tl::unexpected<Error> Refused(TextPlace place, const std::string& problem) {
  return Fail(ErrorCode::kInvalidArgument, Describe(place) + ": " + problem);
}

// The parser takes whatever Unicode there is; these would make a text look like another one, or
// mean another encoding to it.
std::optional<std::string> ProblemOf(const Utf8Char& c) {
  if (!c.valid) return "the text is not UTF-8";
  const bool is_control = c.code_point < 0x20 || (c.code_point >= 0x7F && c.code_point < 0xA0);
  const bool is_blank = c.code_point == '\t' || c.code_point == '\n' || c.code_point == '\r';
  if (is_control && !is_blank) return "there is a control character";
  return std::nullopt;
}

Status CheckText(std::string_view text) {
  TextPlace place;
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (const auto problem = ProblemOf(c)) return Refused(place, *problem);
    if (c.code_point == '\n') {
      place = {place.line + 1, 1};
    } else {
      ++place.column;
    }
    text.remove_prefix(c.length);
  }
  return {};
}

bool IsNumber(std::string_view text) {
  const bool begins_so =
      !text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9'));
  return begins_so && json::accept(text);
}

json PlainScalar(const std::string& text) {
  constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
  constexpr std::array<std::string_view, 3> kTrue{"true", "True", "TRUE"};
  constexpr std::array<std::string_view, 3> kFalse{"false", "False", "FALSE"};
  if (std::ranges::find(kNull, text) != kNull.end()) return nullptr;
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  if (IsNumber(text)) return json::parse(text, nullptr, /*allow_exceptions=*/false);
  return text;
}

// Builds the JSON from the parser's events. What is refused is thrown, as the parser itself does.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(YamlText& result) : result_(result) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    CheckPlain(mark, "?", anchor);
    Take(mark, nullptr, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw YAML::ParserException(mark, "aliases are not allowed");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
    throw YAML::ParserException(mark, "anchors are not allowed");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // "?" is a plain scalar, "!" one in quotes or a block.
    const bool is_plain = tag == "?" || tag.empty();
    if (tag != "!") CheckPlain(mark, tag, anchor);
    CheckPlain(mark, "?", anchor);
    const Status fit = CheckText(value);
    if (!fit) throw YAML::ParserException(mark, "an escape does not give text");
    if (ExpectsKey() && is_plain && value == "<<") {
      throw YAML::ParserException(mark, "merge keys are not allowed");
    }
    Take(mark, is_plain ? PlainScalar(value) : json(value), value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, json::object());
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  struct Level {
    json* container = nullptr;
    std::string path;
    std::optional<std::string> key;  ///< Of a map: read, and its value not yet.
  };

  static void CheckPlain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) throw YAML::ParserException(mark, "anchors are not allowed");
    if (!tag.empty() && tag != "?") throw YAML::ParserException(mark, "tags are not allowed");
  }

  bool ExpectsKey() const {
    return !open_.empty() && open_.back().container->is_object() && !open_.back().key;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, json container) {
    CheckPlain(mark, tag, anchor);
    if (ExpectsKey()) throw YAML::ParserException(mark, "a key is a list or a map, expected text");
    if (open_.size() >= kMaxYamlDepth) {
      throw YAML::ParserException(
          mark, "more than " + std::to_string(kMaxYamlDepth) + " levels, which is too deep");
    }
    std::string path;
    json* placed = Put(mark, std::move(container), path);
    open_.push_back({placed, std::move(path), std::nullopt});
  }

  void Take(const YAML::Mark& mark, json value, const std::string& text) {
    if (ExpectsKey()) {
      TakeKey(mark, text);
      return;
    }
    std::string path;
    Put(mark, std::move(value), path);
  }

  void TakeKey(const YAML::Mark& mark, const std::string& key) {
    Level& level = open_.back();
    if (level.container->contains(key)) {
      throw YAML::ParserException(mark, "the key " + Shown(key) + " is there twice");
    }
    level.key = key;
    result_.places.emplace(MemberPath(level, key), PlaceAt(mark));
  }

  static std::string MemberPath(const Level& level, std::string_view key) {
    const std::string shown = OneLine(Truncate(key, kMaxShownBytes));
    return level.path.empty() ? shown : level.path + "." + shown;
  }

  json* Put(const YAML::Mark& mark, json value, std::string& path) {
    if (open_.empty()) {
      result_.value = std::move(value);
      return &result_.value;
    }
    Level& level = open_.back();
    if (level.container->is_array()) {
      path = level.path + "[" + std::to_string(level.container->size()) + "]";
      result_.places.emplace(path, PlaceAt(mark));
      level.container->push_back(std::move(value));
      return &level.container->back();
    }
    path = MemberPath(level, *level.key);
    json& member = (*level.container)[*level.key];
    member = std::move(value);
    level.key.reset();
    return &member;
  }

  YamlText& result_;
  std::vector<Level> open_;
};

Result<YamlText> Parse(std::string_view text) {
  YamlText result;
  Builder builder(result);
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  if (!parser.HandleNextDocument(builder)) return result;
  YamlText ignored;
  Builder second(ignored);
  if (parser.HandleNextDocument(second)) {
    return Fail(ErrorCode::kInvalidArgument, "the file holds several documents, expected one");
  }
  return result;
}

}  // namespace

std::string Describe(TextPlace place) {
  return "line " + std::to_string(place.line) + ", column " + std::to_string(place.column);
}

Result<YamlText> ReadYaml(std::string_view text) {
  if (auto status = CheckText(text); !status) return Fail(std::move(status.error()));
  try {
    return Parse(text);
  } catch (const YAML::Exception& error) {
    return Refused(PlaceAt(error.mark), error.msg);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidArgument, std::string("not YAML: ") + error.what());
  }
}

}  // namespace committest::observer
