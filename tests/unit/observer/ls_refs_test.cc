#include "observer/ls_refs.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observer/pkt_line.h"

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kA(40, 'a');
const std::string kB(40, 'b');

std::vector<RefPattern> Patterns(const std::vector<std::string>& texts) {
  auto patterns = ParseRefPatterns(texts);
  EXPECT_TRUE(patterns);
  return *patterns;
}

std::string Body(const std::vector<std::string>& lines) {
  std::string body;
  for (const std::string& line : lines) body.append(EncodePkt(line + "\n"));
  return body.append(kFlushPkt);
}

std::string DecodeError(const std::string& body) {
  const auto refs = DecodeLsRefs(body, Patterns({"refs/heads/**"}));
  return refs ? "none" : refs.error().message;
}

TEST(EncodeLsRefs, AsksForHeadWithItsTargetWhenThereAreNoPatterns) {
  const std::string body = EncodeLsRefs({2, ObjectFormat::kSha1, true}, {});
  EXPECT_THAT(body, HasSubstr("0014command=ls-refs\n"));
  EXPECT_THAT(body, HasSubstr("0017object-format=sha1\n0001"));
  EXPECT_THAT(body, HasSubstr("0014ref-prefix HEAD\n0000"));
  EXPECT_THAT(body, HasSubstr("symrefs"));
  EXPECT_THAT(body, Not(HasSubstr("peel")));
}

TEST(EncodeLsRefs, AsksOnlyForThePrefixesOfThePatterns) {
  const std::string body = EncodeLsRefs({2, ObjectFormat::kSha1, false},
                                        Patterns({"refs/heads/main", "refs/heads/release/*"}));
  EXPECT_THAT(body, HasSubstr(EncodePkt("ref-prefix refs/heads/main\n")));
  EXPECT_THAT(body, HasSubstr(EncodePkt("ref-prefix refs/heads/release/\n")));
  EXPECT_THAT(body, Not(HasSubstr("HEAD")));
  EXPECT_THAT(body, Not(HasSubstr("object-format")));
  EXPECT_THAT(body, Not(HasSubstr("peel")));
}

TEST(EncodeLsRefs, WantsTagsPeeled) {
  EXPECT_THAT(EncodeLsRefs({2, ObjectFormat::kSha1, false}, Patterns({"refs/tags/v*"})),
              HasSubstr(EncodePkt("peel\n")));
  EXPECT_THAT(EncodeLsRefs({2, ObjectFormat::kSha1, false}, Patterns({"refs/*/x"})),
              HasSubstr(EncodePkt("peel\n")));
}

TEST(DecodeLsRefs, KeepsTheRefsThatMatchSortedByName) {
  const auto refs = DecodeLsRefs(Body({kB + " refs/heads/release/2", kA + " refs/heads/main",
                                       kA + " refs/heads/mainline", kA + " refs/heads/release/1"}),
                                 Patterns({"refs/heads/main", "refs/heads/release/*"}));
  ASSERT_TRUE(refs);
  EXPECT_THAT(refs->refs,
              ElementsAre(RemoteRef{"refs/heads/main", kA}, RemoteRef{"refs/heads/release/1", kA},
                          RemoteRef{"refs/heads/release/2", kB}));
  EXPECT_EQ(refs->head_ref, "");
}

TEST(DecodeLsRefs, FindsTheBranchOfHead) {
  const auto refs = DecodeLsRefs(Body({kA + " HEAD symref-target:refs/heads/trunk"}), {});
  ASSERT_TRUE(refs);
  EXPECT_EQ(refs->head_ref, "refs/heads/trunk");
  EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{"refs/heads/trunk", kA}));
}

TEST(DecodeLsRefs, TakesTheFirstOfTwoHeads) {
  const auto refs = DecodeLsRefs(Body({kA + " HEAD symref-target:refs/heads/trunk",
                                       kB + " HEAD symref-target:refs/heads/other"}),
                                 {});
  ASSERT_TRUE(refs);
  EXPECT_EQ(refs->head_ref, "refs/heads/trunk");
  EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{"refs/heads/trunk", kA}));
}

TEST(DecodeLsRefs, HasNoRefForADetachedOrUnbornHead) {
  for (const std::string& line :
       {kA + " HEAD", std::string("unborn HEAD symref-target:refs/heads/main")}) {
    const auto refs = DecodeLsRefs(Body({line}), {});
    ASSERT_TRUE(refs) << line;
    EXPECT_THAT(refs->refs, IsEmpty());
    EXPECT_EQ(refs->head_ref, "");
  }
}

TEST(DecodeLsRefs, TakesThePeeledCommitOfATag) {
  const auto refs =
      DecodeLsRefs(Body({kA + " refs/tags/v1 peeled:" + kB}), Patterns({"refs/tags/*"}));
  ASSERT_TRUE(refs);
  EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{"refs/tags/v1", kB}));
}

TEST(DecodeLsRefs, IgnoresAttributesItDoesNotKnow) {
  const auto refs = DecodeLsRefs(Body({kA + " refs/heads/main new-thing:1 another"}),
                                 Patterns({"refs/heads/main"}));
  ASSERT_TRUE(refs);
  EXPECT_EQ(refs->refs.size(), 1U);
}

TEST(DecodeLsRefs, LeavesOutAndCountsNamesThatAreNotAllowed) {
  using std::string_literals::operator""s;
  const std::vector<std::string> hostile = {"refs/heads/a..b",
                                            "refs/heads/-rf",
                                            "refs/heads/x.lock",
                                            "refs/heads/a\nb",
                                            "refs/heads/a\0b"s,
                                            "refs/heads/caf\xc3\xa9",
                                            "refs/heads/\xff\xfe",
                                            "refs/heads/a\x1b[31m",
                                            "refs/heads/$(id)",
                                            "refs/heads/`id`",
                                            "refs/heads/a;b",
                                            "refs/heads//a",
                                            "refs/heads/a/",
                                            "refs/heads/.hidden",
                                            "refs/heads/a@{1}",
                                            "../../etc/passwd",
                                            "refs/heads/" + std::string(300, 'x'),
                                            "refs/heads/" + std::string(65000, 'y')};
  std::vector<std::string> lines = {kA + " refs/heads/good"};
  for (const std::string& name : hostile) lines.push_back(kA + " " + name);
  const auto refs = DecodeLsRefs(Body(lines), Patterns({"refs/heads/**"}));
  ASSERT_TRUE(refs);
  EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{"refs/heads/good", kA}));
  EXPECT_EQ(refs->refused, hostile.size());
}

TEST(DecodeLsRefs, RefusesAHostileHeadTarget) {
  const auto refs = DecodeLsRefs(Body({kA + " HEAD symref-target:--upload-pack=x"}), {});
  ASSERT_TRUE(refs);
  EXPECT_EQ(refs->head_ref, "");
  EXPECT_EQ(refs->refused, 1U);
}

TEST(DecodeLsRefs, TakesARefOnceThoughItIsSentTwice) {
  const auto refs = DecodeLsRefs(Body({kA + " refs/heads/main", kB + " refs/heads/main"}),
                                 Patterns({"refs/heads/main"}));
  ASSERT_TRUE(refs);
  EXPECT_THAT(refs->refs, ElementsAre(RemoteRef{"refs/heads/main", kA}));
}

TEST(DecodeLsRefs, RefusesWhatIsNotTheProtocol) {
  EXPECT_THAT(DecodeError(""), HasSubstr("without a flush"));
  EXPECT_THAT(DecodeError(EncodePkt(kA + " refs/heads/main\n")), HasSubstr("without a flush"));
  EXPECT_THAT(DecodeError("<html>not git</html>"), HasSubstr("not hexadecimal"));
  EXPECT_THAT(DecodeError(Body({"short refs/heads/main"})), HasSubstr("object name"));
  EXPECT_THAT(DecodeError(Body({std::string(40, 'A') + " refs/heads/main"})),
              HasSubstr("object name"));
  EXPECT_THAT(DecodeError(Body({kA})), HasSubstr("names no ref"));
  EXPECT_THAT(DecodeError(Body({kA + " refs/tags/v1 peeled:xyz"})), HasSubstr("peeled"));
}

TEST(DecodeLsRefs, TellsTheServersOwnError) {
  const auto refs = DecodeLsRefs(Body({"ERR access denied\x1b[31m"}), {});
  ASSERT_FALSE(refs);
  EXPECT_EQ(refs.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(refs.error().message, "the Git server says: access denied");
}

TEST(DecodeLsRefs, EndsOnEveryTruncationOfAnAnswer) {
  const std::string body = Body({kA + " refs/heads/main", kB + " refs/heads/b peeled:" + kA});
  for (std::size_t length = 0; length < body.size(); ++length) {
    EXPECT_FALSE(DecodeLsRefs(body.substr(0, length), Patterns({"refs/heads/*"}))) << length;
  }
  EXPECT_TRUE(DecodeLsRefs(body, Patterns({"refs/heads/*"})));
}

TEST(DecodeAdvertisement, ReadsTheCapabilitiesOfAV2Server) {
  const std::string body = EncodePkt("# service=git-upload-pack\n") + "0000" +
                           Body({"version 2", "agent=git/2.39.5", "ls-refs=unborn",
                                 "fetch=shallow filter", "object-format=sha256"});
  const auto advertisement = DecodeAdvertisement(body);
  ASSERT_TRUE(advertisement);
  EXPECT_EQ(advertisement->capabilities.protocol, 2);
  EXPECT_EQ(advertisement->capabilities.object_format, ObjectFormat::kSha256);
  EXPECT_TRUE(advertisement->capabilities.announces_object_format);
}

TEST(DecodeAdvertisement, DoesNotNeedTheServiceLine) {
  const auto advertisement = DecodeAdvertisement(Body({"version 2", "ls-refs"}));
  ASSERT_TRUE(advertisement);
  EXPECT_EQ(advertisement->capabilities.protocol, 2);
  EXPECT_FALSE(advertisement->capabilities.announces_object_format);
}

TEST(DecodeAdvertisement, RefusesAV2ServerThatCannotListOrHasAnUnknownFormat) {
  EXPECT_FALSE(DecodeAdvertisement(Body({"version 2", "fetch"})));
  EXPECT_FALSE(DecodeAdvertisement(Body({"version 2", "ls-refs", "object-format=sha3"})));
}

TEST(DecodeAdvertisement, ReadsTheRefsOfAV0Server) {
  using std::string_literals::operator""s;
  const std::string body = EncodePkt("# service=git-upload-pack\n") + "0000" +
                           Body({kA + " HEAD" + "\0multi_ack symref=HEAD:refs/heads/main agent=x"s,
                                 kA + " refs/heads/main", kA + " refs/heads/-x",
                                 kA + " refs/tags/v1", kB + " refs/tags/v1^{}"});
  const auto advertisement = DecodeAdvertisement(body);
  ASSERT_TRUE(advertisement);
  EXPECT_EQ(advertisement->capabilities.protocol, 0);
  EXPECT_EQ(advertisement->refs.head_ref, "refs/heads/main");
  EXPECT_THAT(advertisement->refs.refs,
              ElementsAre(RemoteRef{"refs/heads/main", kA}, RemoteRef{"refs/tags/v1", kB}));
  EXPECT_EQ(advertisement->refs.refused, 1U);
}

TEST(DecodeAdvertisement, ReadsAV0ServerWithoutRefs) {
  using std::string_literals::operator""s;
  const auto advertisement =
      DecodeAdvertisement(Body({std::string(40, '0') + " capabilities^{}\0agent=x"s}));
  ASSERT_TRUE(advertisement);
  EXPECT_THAT(advertisement->refs.refs, IsEmpty());
}

TEST(DecodeAdvertisement, SkipsTheVersionLineOfV1) {
  using std::string_literals::operator""s;
  const auto advertisement = DecodeAdvertisement(
      Body({"version 1", kA + " refs/heads/main\0symref=HEAD:refs/heads/main"s}));
  ASSERT_TRUE(advertisement);
  EXPECT_EQ(advertisement->refs.head_ref, "refs/heads/main");
  EXPECT_EQ(advertisement->refs.refs.size(), 1U);
}

TEST(DecodeAdvertisement, EndsOnEveryTruncation) {
  const std::string v2 =
      EncodePkt("# service=git-upload-pack\n") + "0000" + Body({"version 2", "ls-refs"});
  const std::string v0 =
      EncodePkt("# service=git-upload-pack\n") + "0000" + Body({kA + " refs/heads/main"});
  for (const std::string& body : {v2, v0}) {
    ASSERT_TRUE(DecodeAdvertisement(body));
    for (std::size_t length = 0; length < body.size(); ++length) {
      // A service line and a flush alone are a v0 server without refs to some, to us nothing.
      if (length == 34) continue;
      EXPECT_FALSE(DecodeAdvertisement(body.substr(0, length))) << length;
    }
  }
}

TEST(FilterRefs, GivesTheBranchOfHeadOrWhatMatches) {
  const RemoteRefs all{"refs/heads/main",
                       {{"refs/heads/dev", kA}, {"refs/heads/main", kB}, {"refs/tags/v1", kA}},
                       0};
  EXPECT_THAT(FilterRefs(all, {}).refs, ElementsAre(RemoteRef{"refs/heads/main", kB}));
  EXPECT_THAT(FilterRefs(all, Patterns({"refs/heads/d*", "refs/tags/*"})).refs,
              ElementsAre(RemoteRef{"refs/heads/dev", kA}, RemoteRef{"refs/tags/v1", kA}));
}

}  // namespace
}  // namespace committest::observer
