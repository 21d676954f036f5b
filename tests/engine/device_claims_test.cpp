#include "engine/device_claims.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

catalog::model_entry on_device() {
    catalog::model_entry model;
    model.cards = {1, 2};
    catalog::service_template runtime;
    runtime.device = true;
    model.runtime.services = {catalog::service_template{}, runtime};
    return model;
}

TEST(device_claims, a_model_without_a_device_needs_no_card) {
    auto model = on_device();
    model.runtime.services.pop_back();
    EXPECT_THAT(claim_of(model, 100).cards, IsEmpty());
}

TEST(device_claims, nothing_known_is_nothing_claimed) {
    const auto claim = claim_of(on_device(), 0);
    EXPECT_THAT(claim.cards, ElementsAre(1U, 2U));
    EXPECT_EQ(claim.memory_mb, 0U);
    EXPECT_FALSE(claim.measured);
}

TEST(device_claims, an_estimate_lies_between_what_was_published) {
    auto model = on_device();
    model.device_bytes = 4122ULL * 1024 * 1024;  // Qwen3-4B, which became 4779 MiB
    const auto claim = claim_of(model, 0);
    EXPECT_GE(claim.memory_mb, 4779U);
    EXPECT_LE(claim.memory_mb, 5500U);
    EXPECT_FALSE(claim.measured);
}

TEST(device_claims, what_was_seen_wins_over_what_was_said_and_that_over_an_estimate) {
    auto model = on_device();
    model.device_bytes = 1ULL << 30U;
    model.runtime.device.memory_mb = 6000;
    EXPECT_EQ(claim_of(model, 0).memory_mb, 6000U);
    EXPECT_FALSE(claim_of(model, 0).measured);
    EXPECT_EQ(claim_of(model, 4779).memory_mb, 4779U);
    EXPECT_TRUE(claim_of(model, 4779).measured);
}

}  // namespace
}  // namespace corral::engine
