#include "corral/fleet/served_models.hpp"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "corral/catalog/placement.hpp"
#include "scheduler/fake_backend.hpp"

namespace corral::fleet {
namespace {

using testing::ElementsAre;

class served_models_of : public testing::Test {
protected:
    void run_all() {
        deployments = config::deployments_of(models);
        for (const config::deployment& deployment : deployments) {
            for (const catalog::card_set& cards : deployment.entry.card_sets) {
                auto made = std::make_unique<test::fake_backend>(io);
                made->entry = catalog::entry_at(deployment.entry, cards);
                backends.push_back(std::move(made));
            }
        }
        served = served_models(models, deployments, backends);
    }
    catalog::model_entry& add(const std::string& name, const std::string& package) {
        catalog::model_entry& model = models.emplace_back();
        model.name = name;
        model.package = package;
        model.digest = "digest of " + name;
        return model;
    }
    boost::asio::io_context io;
    std::vector<catalog::model_entry> models;
    std::vector<config::deployment> deployments;
    std::vector<std::unique_ptr<engine::backend>> backends;
    std::vector<generation::served_model> served;
};

TEST_F(served_models_of, an_alias_is_the_model_under_another_name) {
    add("qwen3:4b", "/q").aliases = {"gpt-4:latest"};
    run_all();
    ASSERT_EQ(served.size(), 2U);
    EXPECT_EQ(served[1].name, "gpt-4:latest");
    EXPECT_EQ(served[1].digest, "digest of qwen3:4b");
    EXPECT_EQ(served[1].entry->name, "qwen3:4b");
    EXPECT_EQ(served[1].deployment, "qwen3:4b");
    EXPECT_EQ(served[1].runtime, backends[0].get());
}

TEST_F(served_models_of, models_that_share_keep_their_own_words) {
    add("plain:latest", "/q").default_system = "Be brief.";
    add("kind:latest", "/q").default_system = "Be kind.";
    run_all();
    ASSERT_EQ(backends.size(), 1U);
    EXPECT_EQ(served[1].deployment, "plain:latest");
    EXPECT_EQ(served[1].runtime, served[0].runtime);
    EXPECT_EQ(served[1].entry->default_system, "Be kind.");
    EXPECT_EQ(served[1].digest, "digest of kind:latest");
}

TEST_F(served_models_of, every_place_runs_the_model) {
    add("other:latest", "/o");
    auto& wide = add("wide:latest", "/w");
    wide.card_sets = {{0}, {1}};
    run_all();
    EXPECT_THAT(served[1].instances, ElementsAre(backends[1].get(), backends[2].get()));
    EXPECT_TRUE(served[1].runs_on(backends[2].get()));
    EXPECT_FALSE(served[1].runs_on(backends[0].get()));
}

}  // namespace
}  // namespace corral::fleet
