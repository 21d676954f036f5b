// Years of a box within seconds. CORRAL_YEAR_DAYS=365 and CORRAL_YEAR_SEEDS=20 are the long form; the figures are in
// docs/reliability.md.

#include "year/figures.hpp"

#include <cstdio>
#include <cstdlib>

#include <algorithm>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "corral/catalog/profile_reader.hpp"

namespace corral::year {
namespace {

int asked_for(const char* name, int otherwise) {
    const char* const text = std::getenv(name);
    return text != nullptr ? std::atoi(text) : otherwise;
}

failure_model nothing_fails() {
    failure_model out;
    out.power_cuts = out.plugs_pulled = out.late_drivers = out.cards_lost = 0;
    out.deaths = out.hangs = out.tokenizer_deaths = out.bad_loads = 0;
    out.memory_taken = out.unseen_faults = out.broken_packages = 0;
    out.deadly_jobs = out.restarts_by_operator = 0;
    return out;
}

class box_year : public ::testing::Test {
protected:
    box_year() { use("axera-poll"); }

    void use(const std::string& name) {
        profile_ = catalog::read_profile(CORRAL_SOURCE_DIR "/vendor/" + name + "/profile.toml").value;
        ASSERT_TRUE(profile_) << name;
        plan.profile = &*profile_;
        plan.restart = profile_->restart;
    }
    // The sum of some years, and of the longest of each the longest.
    figures years(const char* what) {
        figures all;
        const int seeds = asked_for("CORRAL_YEAR_SEEDS", 3);
        plan.days = asked_for("CORRAL_YEAR_DAYS", 30);
        for (int seed = 1; seed <= seeds; ++seed) {
            plan.seed = static_cast<std::uint64_t>(seed);
            all += live(plan);
        }
        std::printf("%-13s %d x %d days: %s\n", what, seeds, plan.days, told(all, seeds).c_str());
        return all;
    }

    box_plan plan;

private:
    std::optional<catalog::profile> profile_;
};

TEST_F(box_year, of_each_profile_is_spent_ready_but_for_what_its_faults_last) {
    for (const char* const profile :
         {"axera-poll", "axera-sse", "axllm", "rkllm-flask", "hailo-ollama", "llama-server", "vllm-ascend"}) {
        use(profile);
        const figures all = years(profile);
        EXPECT_GT(all.attainable(), 99.85) << profile;
        EXPECT_LT(all.longest_beyond, 60)
            << profile << ": minutes without the model though nothing was in its way";
        EXPECT_LT(all.rested, 0.0003 * all.hours) << profile << ": a breaker keeps a healed box away";
        EXPECT_LT(all.lost, all.asked / 300) << profile;
        EXPECT_EQ(all.renewals, 0U) << profile << ": it does not decay";
    }
}

TEST_F(box_year, repeats_by_its_seed) {
    plan.days = 30;
    EXPECT_EQ(told(live(plan), 1), told(live(plan), 1));
    const std::string first = told(live(plan), 1);
    plan.seed = 2;
    EXPECT_NE(told(live(plan), 1), first);
}

TEST_F(box_year, without_faults_has_one_start) {
    plan.fails = nothing_fails();
    const figures all = live(plan);
    EXPECT_EQ(all.starts, 1U);
    EXPECT_EQ(all.lost, 0U);
    EXPECT_GT(all.asked, 60'000U);
    EXPECT_GT(all.availability(), 99.99);
}

TEST_F(box_year, with_a_deadly_job_each_day_goes_on_for_all_others) {
    plan.fails = nothing_fails();
    plan.fails.deadly_jobs = 365;
    const figures all = years("deadly jobs");
    EXPECT_GT(all.deadly_runs, all.hours / 24) << "there are such jobs";
    EXPECT_LT(all.deadly_runs, all.hours / 24 * 12) << "runs for each job";
    EXPECT_GT(all.availability(), 99.4);
}

TEST_F(box_year, of_unseen_faults_is_not_slept_away) {
    plan.fails = nothing_fails();
    plan.fails.unseen_faults = 365;
    const figures all = years("unseen faults");
    EXPECT_GT(all.caused, all.hours / 200) << "there are such faults";
    EXPECT_LT(all.rested, all.caused * 0.14) << "at rest behind its cause";
}

TEST_F(box_year, of_a_runtime_that_decays_with_use_is_not_spent_waiting) {
    plan.fails = nothing_fails();
    plan.fails.decays = decay::by_use;
    for (const int pause : {60, 120, 300}) {
        plan.fails.between_requests = core::seconds{pause};
        const figures all = years(("decay, " + std::to_string(pause) + " s").c_str());
        EXPECT_LT(all.lost, all.asked / 10'000);
        EXPECT_LT(all.waited * 3600, 40 * static_cast<double>(all.asked)) << "40 s for an answer of 15";
        EXPECT_LE(all.renewals, static_cast<std::uint64_t>(all.hours / 2));
    }
}

}  // namespace
}  // namespace corral::year
