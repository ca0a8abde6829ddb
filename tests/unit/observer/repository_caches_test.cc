#include "observer/repository_caches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

nlohmann::json Object() {
  return {{"metadata",
           {{"name", "app"},
            {"namespace", "ci"},
            {"uid", "u"},
            {"resourceVersion", "7"},
            {"labels", {{"team", "a"}}},
            {"ownerReferences", {{{"kind", "Set"}, {"name", "s"}, {"uid", "o"}}}},
            {"annotations",
             {{"committest.dev/poll-now", "1"},
              {"kubectl.kubernetes.io/last-applied-configuration", "{}"}}}}},
          {"spec", {{"url", "https://git.example/app.git"}}}};
}

TEST(ParseForLooks, KeepsWhatALookReadsAndNoMore) {
  const auto repository = ParseForLooks(Object());
  EXPECT_EQ(repository.parse_error, "");
  EXPECT_EQ(repository.meta.Key(), (kube::ObjectKey{"ci", "app"}));
  EXPECT_EQ(repository.meta.resource_version, "7");
  EXPECT_EQ(repository.spec.url, "https://git.example/app.git");
  EXPECT_THAT(repository.meta.annotations, ElementsAre(Pair(api::kPollNowAnnotation, "1")));
  EXPECT_THAT(repository.meta.labels, IsEmpty());
  EXPECT_THAT(repository.meta.owners, IsEmpty());
}

TEST(ParseForLooks, RepositoriesWithTheSameTemplateShareTheDefault) {
  EXPECT_EQ(&*ParseForLooks(Object()).spec.template_, &*ParseForLooks(Object()).spec.template_);
}

}  // namespace
}  // namespace committest::observer
