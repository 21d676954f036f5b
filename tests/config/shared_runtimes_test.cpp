#include "corral/config/shared_runtimes.hpp"

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

std::vector<std::string> names(const std::vector<model_lane>& lanes) {
    std::vector<std::string> out;
    std::transform(lanes.begin(), lanes.end(), std::back_inserter(out),
                   [](const model_lane& lane) { return lane.entry.name; });
    return out;
}

TEST(shared_runtimes, what_a_request_says_anew_does_not_part_models) {
    auto plain = model("plain:latest", "/p");
    auto kind = model("kind:latest", "/p");
    kind.default_system = "Be kind.";
    kind.family = "qwen3";
    kind.sampling.top_k = 1;
    kind.capabilities = {"completion", "tools"};
    kind.parameter_size = "4.0B";
    const auto lanes = lanes_of({plain, model("other:latest", "/o"), kind});
    ASSERT_THAT(names(lanes), ElementsAre("plain:latest", "other:latest"));
    EXPECT_THAT(lanes[0].members, ElementsAre(0U, 2U));
    EXPECT_THAT(lanes[1].members, ElementsAre(1U));
}

TEST(shared_runtimes, what_the_processes_are_started_with_does) {
    const auto first = model("a:latest", "/p");
    std::vector<catalog::model_entry> others(6, model("b:latest", "/p"));
    others[0].package = "/q";
    others[1].variables["layers"] = "28";
    others[2].seats = {{1}};
    others[3].seats = {{0}, {1}};
    others[3].instances = 2;
    others[4].context.positions = 4096;
    others[5].runtime.clocks.call = core::milliseconds{1};
    for (const catalog::model_entry& other : others) {
        EXPECT_THAT(lanes_of({first, other}), SizeIs(2));
    }
}

TEST(shared_runtimes, the_one_that_needs_most_decides_when_it_is_loaded) {
    auto first = model("a:latest", "/p");
    auto second = model("b:latest", "/p");
    first.preload = false;
    first.keep_alive = core::seconds{5};
    second.pinned = true;
    second.keep_alive = core::seconds{60};
    auto lanes = lanes_of({first, second});
    ASSERT_THAT(lanes, SizeIs(1));
    EXPECT_TRUE(lanes[0].entry.preload);
    EXPECT_TRUE(lanes[0].entry.pinned);
    EXPECT_EQ(lanes[0].entry.keep_alive, core::seconds{60});
    second.keep_alive = core::nanoseconds{-1};
    lanes = lanes_of({first, second});
    EXPECT_LT(*lanes[0].entry.keep_alive, core::nanoseconds{0});
}

TEST(shared_runtimes, what_runs_keeps_its_name) {
    const std::vector<catalog::model_entry> models{model("new:latest", "/p"), model("old:latest", "/p")};
    EXPECT_THAT(names(lanes_of(models)), ElementsAre("new:latest"));
    const auto lanes = lanes_of(models, {"old:latest"});
    EXPECT_THAT(names(lanes), ElementsAre("old:latest"));
    EXPECT_THAT(lanes[0].members, ElementsAre(0U, 1U));
}

}  // namespace
}  // namespace corral::config
