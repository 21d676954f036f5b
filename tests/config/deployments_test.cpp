#include "corral/config/deployments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace corral::config {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

catalog::model_entry model(const std::string& name, const std::string& package) {
    catalog::model_entry out;
    out.name = name;
    out.package = package;
    out.variables["layers"] = "36";
    return out;
}

std::vector<std::string> names(const std::vector<deployment>& deployments) {
    std::vector<std::string> out;
    std::transform(deployments.begin(), deployments.end(), std::back_inserter(out),
                   [](const deployment& one) { return one.entry.name; });
    return out;
}

TEST(deployments, what_a_request_says_anew_does_not_part_models) {
    auto plain = model("plain:latest", "/p");
    auto kind = model("kind:latest", "/p");
    kind.default_system = "Be kind.";
    kind.family = "qwen3";
    kind.ahead_share = 0.5;
    kind.sampling.top_k = 1;
    kind.capabilities = {"completion", "tools"};
    kind.parameter_size = "4.0B";
    const auto deployments = deployments_of({plain, model("other:latest", "/o"), kind});
    ASSERT_THAT(names(deployments), ElementsAre("plain:latest", "other:latest"));
    EXPECT_THAT(deployments[0].members, ElementsAre(0U, 2U));
    EXPECT_THAT(deployments[1].members, ElementsAre(1U));
}

TEST(deployments, what_the_processes_are_started_with_does) {
    const auto first = model("a:latest", "/p");
    std::vector<catalog::model_entry> others(6, model("b:latest", "/p"));
    others[0].package = "/q";
    others[1].variables["layers"] = "28";
    others[2].card_sets = {{1}};
    others[3].card_sets = {{0}, {1}};
    others[3].instances = 2;
    others[4].context.positions = 4096;
    others[5].runtime.clocks.call = core::milliseconds{1};
    for (const catalog::model_entry& other : others) {
        EXPECT_THAT(deployments_of({first, other}), SizeIs(2));
    }
}

TEST(deployments, the_one_that_needs_most_decides_when_it_is_loaded) {
    auto first = model("a:latest", "/p");
    auto second = model("b:latest", "/p");
    first.preload = false;
    first.keep_alive = core::seconds{5};
    second.pinned = true;
    second.keep_alive = core::seconds{60};
    auto deployments = deployments_of({first, second});
    ASSERT_THAT(deployments, SizeIs(1));
    EXPECT_TRUE(deployments[0].entry.preload);
    EXPECT_TRUE(deployments[0].entry.pinned);
    EXPECT_EQ(deployments[0].entry.keep_alive, core::seconds{60});
    second.keep_alive = core::nanoseconds{-1};
    deployments = deployments_of({first, second});
    EXPECT_LT(*deployments[0].entry.keep_alive, core::nanoseconds{0});
}

TEST(deployments, what_runs_keeps_its_name) {
    const std::vector<catalog::model_entry> models{model("new:latest", "/p"), model("old:latest", "/p")};
    EXPECT_THAT(names(deployments_of(models)), ElementsAre("new:latest"));
    const auto deployments = deployments_of(models, {"old:latest"});
    EXPECT_THAT(names(deployments), ElementsAre("old:latest"));
    EXPECT_THAT(deployments[0].members, ElementsAre(0U, 1U));
}

}  // namespace
}  // namespace corral::config
