#include "runner-image/git_errors.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

constexpr std::size_t kMaxWordsBytes = 300;

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Lines in which git itself speaks.
std::vector<std::string> OwnLines(std::string_view standard_error) {
  std::vector<std::string> lines;
  for (std::string& line : Split(standard_error, '\n')) {
    if (line.starts_with("fatal:") || line.starts_with("error:")) lines.push_back(std::move(line));
  }
  return lines;
}

FetchFailure ClassifyLine(std::string_view line) {
  // git's client, protocol v0; JGit and Gerrit as a server.
  constexpr std::array kRefused = {"Server does not allow request for unadvertised object",
                                   "not valid"};
  // git's server; git's client for a ref; git's client over the dumb protocol.
  constexpr std::array kGone = {"not our ref", "couldn't find remote ref", "no such remote ref",
                                "Unable to find"};
  // git's client after a 401, which has nobody to ask.
  constexpr std::array kWantsCredentials = {"could not read Username", "could not read Password",
                                            "Authentication failed for"};
  for (const char* words : kGone) {
    if (Contains(line, words)) return FetchFailure::kGone;
  }
  for (const char* words : kWantsCredentials) {
    if (Contains(line, words)) return FetchFailure::kUnauthenticated;
  }
  const bool about_a_want = line.starts_with("error: Server") || Contains(line, "want ");
  for (const char* words : kRefused) {
    if (about_a_want && Contains(line, words)) return FetchFailure::kShaRefused;
  }
  return FetchFailure::kFailed;
}

}  // namespace

FetchFailure ClassifyFetchFailure(std::string_view standard_error) {
  for (const std::string& line : OwnLines(standard_error)) {
    const FetchFailure failure = ClassifyLine(line);
    if (failure != FetchFailure::kFailed) return failure;
  }
  return FetchFailure::kFailed;
}

std::string LastWords(std::string_view standard_error) {
  const std::vector<std::string> own = OwnLines(standard_error);
  // What follows a full disk is its consequence ("index-pack failed").
  const auto full = std::ranges::find_if(own, [](const std::string& line) {
    return Contains(line, "No space left on device") || Contains(line, "Disk quota exceeded");
  });
  std::string words = full != own.end() ? *full : own.empty() ? std::string() : own.back();
  if (words.empty()) {
    const std::string_view text = Trim(standard_error);
    words = text.substr(text.rfind('\n') + 1);  // npos + 1 is 0: the whole of a single line.
  }
  words = Truncate(Redact(OneLine(Truncate(words, 4096))), kMaxWordsBytes);
  return words.empty() ? "git gave no reason" : words;
}

}  // namespace committest::runner
