#include "runner-image/git_errors.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  const char* sentence;
  const char* text;
  FetchFailure meaning;
};

TEST(ClassifyFetchFailure, ReadsGitsWordsAsTheTableSays) {
  const std::vector<Case> cases = {
      {"git's server, protocol v2", "fatal: remote error: upload-pack: not our ref 0123\n",
       FetchFailure::kGone},
      {"git's server, with the client's second line",
       "fatal: remote error: upload-pack: not our ref 01\nfatal: the remote end hung up\n",
       FetchFailure::kGone},
      {"a ref that was deleted", "fatal: couldn't find remote ref refs/heads/x\n",
       FetchFailure::kGone},
      {"protocol v0 without permission",
       "error: Server does not allow request for unadvertised object 0123\n",
       FetchFailure::kShaRefused},
      {"JGit", "fatal: remote error: want 0123 not valid\n", FetchFailure::kShaRefused},
      {"no such host", "fatal: unable to access 'http://h/': Could not resolve host: h\n",
       FetchFailure::kFailed},
      {"refused", "fatal: unable to access 'http://h/': Failed to connect to h port 1\n",
       FetchFailure::kFailed},
      {"5xx", "fatal: unable to access 'http://h/': The requested URL returned error: 503\n",
       FetchFailure::kFailed},
      {"password wanted",
       "fatal: could not read Username for 'http://h': terminal prompts disabled\n",
       FetchFailure::kUnauthenticated},
      {"password refused", "fatal: Authentication failed for 'http://h/a/'\n",
       FetchFailure::kUnauthenticated},
      {"forbidden", "fatal: unable to access 'http://h/': The requested URL returned error: 403\n",
       FetchFailure::kFailed},
      {"a server that speaks of passwords", "remote: fatal: could not read Password\nfatal: EOF\n",
       FetchFailure::kFailed},
      {"no repository", "fatal: repository 'http://h/a/' not found\n", FetchFailure::kFailed},
      {"a certificate that is not valid",
       "fatal: unable to access 'https://h/': SSL: certificate is not valid for h\n",
       FetchFailure::kFailed},
      {"nothing", "", FetchFailure::kFailed},
      {"a server that imitates git", "remote: fatal: not our ref\nfatal: early EOF\n",
       FetchFailure::kFailed},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sentence);
    EXPECT_EQ(ClassifyFetchFailure(c.text), c.meaning);
  }
}

TEST(LastWords, AreGitsLastOwnLine) {
  EXPECT_EQ(LastWords("error: one\nfatal: two\nhint: three\n"), "fatal: two");
}

TEST(LastWords, NameAFullDiskRatherThanWhatFollowsFromIt) {
  EXPECT_EQ(LastWords("fatal: write error: No space left on device\nfatal: index-pack failed\n"),
            "fatal: write error: No space left on device");
  EXPECT_EQ(LastWords("error: a: Disk quota exceeded\nfatal: two\n"),
            "error: a: Disk quota exceeded");
}

TEST(LastWords, AreTheLastLineWhenGitSaysNothingItself) {
  EXPECT_EQ(LastWords("first\nsecond\n\n"), "second");
  EXPECT_EQ(LastWords("only"), "only");
}

TEST(LastWords, AreNeverEmpty) { EXPECT_EQ(LastWords(" \n"), "git gave no reason"); }

TEST(LastWords, AreRedactedAndBounded) {
  const std::string words = LastWords(
      "fatal: unable to access 'https://user:hunter2@h/?token=hunter2': " + std::string(5000, 'x'));
  EXPECT_THAT(words, Not(HasSubstr("hunter2")));
  EXPECT_LE(words.size(), 300U);
}

TEST(LastWords, AreFreeOfTerminalControls) {
  EXPECT_EQ(LastWords("fatal: \x1b[31mred\x1b[0m\r\n"), "fatal: red");
}

}  // namespace
}  // namespace committest::runner
