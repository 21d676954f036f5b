#include "corral/fleet/fleet.hpp"

#include <algorithm>

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "corral/core/disk_work.hpp"
#include "corral/core/random_source.hpp"
#include "corral/device/reader.hpp"

namespace corral::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Its models run elsewhere, at a port where nobody listens, so that no process is needed.
class remote_fleet : public testing::Test {
protected:
    ~remote_fleet() override {
        models.close();
        tasks.cancel();
        io.run_for(core::seconds{2});
    }

    static catalog::model_entry model(const std::string& name,
                                      const std::string& url = "http://127.0.0.1:9") {
        catalog::model_entry out;
        out.name = name;
        out.package = "/models/" + name;  // models started alike would share their processes
        out.runtime.name = "ollama-remote";
        out.runtime.dialect = "ollama-remote";
        out.variables["url"] = url;
        return out;
    }
    [[nodiscard]] std::vector<std::string> offered() {
        std::vector<std::string> out;
        for (const generation::served& each : models.models().all()) {
            out.push_back(each->name);
        }
        return out;
    }
    void open(const std::vector<catalog::model_entry>& all) {
        settings.models = all;
        upgrade::inheritance nothing;
        const auto opened = models.open(settings, nothing);
        ASSERT_TRUE(opened) << opened.error().message;
        models.listen_with({[this](engine::backend& one) { came.push_back(one.model().name); },
                            [this](engine::backend& one) { went.push_back(one.model().name); }});
    }
    void change_to(const std::vector<catalog::model_entry>& all) {
        config::configuration wanted = settings;
        wanted.models = all;
        std::string culprit;
        auto made = models.prepare(wanted, culprit);
        ASSERT_TRUE(made) << culprit << ": " << made.error().message;
        models.apply(std::move(*made), wanted, plan_reload(settings, wanted));
        settings = wanted;
    }

    boost::asio::io_context io;
    core::steady_clock_source clock;
    core::system_random random;
    core::disk_work disk;
    core::task_group tasks{io.get_executor(), [](const auto&, const auto& what) { ADD_FAILURE() << what; }};
    device::reader_set devices{{io.get_executor(), &clock, nullptr}};
    supervisor::supervisor_context supervision{io.get_executor(), &clock, &random, nullptr, &tasks, false,
                                               &devices,          &disk};
    config::configuration settings;
    monitor::card_memory memory{devices};
    fleet models{supervision, memory, settings};
    std::vector<std::string> came;
    std::vector<std::string> went;
};

TEST_F(remote_fleet, opens_a_backend_for_each_model_and_offers_it) {
    open({model("a:latest"), model("b:latest")});
    EXPECT_THAT(models.deployments(), ElementsAre("a:latest", "b:latest"));
    EXPECT_THAT(offered(), ElementsAre("a:latest", "b:latest"));
    EXPECT_EQ(models.admission().runtimes_of("b:latest").size(), 1U);
    EXPECT_THAT(models.adopted(), IsEmpty());
    EXPECT_EQ(models.variants(), nullptr);
}

TEST_F(remote_fleet, leaves_out_a_manifest_whose_model_cannot_be_made) {
    settings.models_directory = "/models.d";
    catalog::model_entry bad = model("bad:latest", "nonsense");
    bad.source = "/models.d/bad.toml";
    open({bad, model("a:latest")});
    EXPECT_THAT(models.deployments(), ElementsAre("a:latest"));
    ASSERT_EQ(settings.left_out.size(), 1U);
    EXPECT_EQ(settings.left_out.front().name, "bad:latest");
}

// A box boots with what is left.
TEST_F(remote_fleet, opens_without_a_model_of_the_configuration_itself_that_cannot_be_made) {
    settings.models_directory = "/models.d";
    settings.models = {model("bad:latest", "nonsense"), model("a:latest")};
    settings.models.front().source = "/corral.toml";
    upgrade::inheritance nothing;
    ASSERT_TRUE(models.open(settings, nothing));
    EXPECT_THAT(models.deployments(), ElementsAre("a:latest"));
    ASSERT_EQ(settings.left_out.size(), 1U);
    EXPECT_THAT(settings.left_out.front().problems.front().message, HasSubstr("'url'"));
}

TEST_F(remote_fleet, keeps_what_is_unchanged_and_replaces_the_rest) {
    open({model("a:latest"), model("b:latest"), model("c:latest")});
    const engine::backend* const kept = models.backends().front().get();
    change_to({model("d:latest"), model("a:latest"), model("b:latest", "http://127.0.0.1:10")});
    EXPECT_THAT(models.deployments(), ElementsAre("d:latest", "a:latest", "b:latest"));
    EXPECT_EQ(models.backends()[1].get(), kept);
    EXPECT_THAT(came, testing::UnorderedElementsAre("d:latest", "b:latest"));
    EXPECT_THAT(went, testing::UnorderedElementsAre("c:latest", "b:latest"));
    EXPECT_THAT(offered(), testing::UnorderedElementsAre("d:latest", "a:latest", "b:latest"));
    EXPECT_EQ(models.not_stopped().size(), 2U);
}

TEST_F(remote_fleet, sees_off_what_was_replaced) {
    open({model("a:latest"), model("b:latest")});
    change_to({model("a:latest")});
    for (int i = 0; i < 100 && !models.not_stopped().empty(); ++i) {
        io.run_for(core::milliseconds{20});
    }
    EXPECT_THAT(models.not_stopped(), IsEmpty());
}

TEST_F(remote_fleet, a_reload_that_only_renews_lets_in_nobody_who_waits_for_what_leaves) {
    open({model("a:latest")});
    catalog::model_entry other = model("a:latest", "http://127.0.0.1:10");
    change_to({other});
    const scheduler::model_hold wanted = models.admission().hold("a:latest");
    other.aliases = {"b:latest"};
    change_to({other});
    ASSERT_EQ(models.not_stopped().size(), 1U);
    EXPECT_EQ(models.backends().front()->available().state, engine::availability_state::stopped);
    for (int i = 0; i < 100 && !models.not_stopped().empty(); ++i) {
        io.run_for(core::milliseconds{20});
    }
    EXPECT_NE(models.backends().front()->available().state, engine::availability_state::stopped);
}

// Of two places one goes; a reload before that has replaced what the holder got from the directory.
TEST_F(remote_fleet, whoever_holds_a_model_of_an_earlier_reload_keeps_its_backends) {
    catalog::model_entry wide = model("a:latest");
    wide.card_sets = {{0}, {1}};
    open({wide});
    generation::served held = models.models().find("a");
    ASSERT_EQ(held->instances.size(), 2U);
    const engine::backend* const leaves = held->instances.back();
    change_to({wide});
    ASSERT_NE(models.models().find("a"), held);
    change_to({model("a:latest")});
    EXPECT_THAT(went, ElementsAre("a:latest"));
    io.run_for(core::seconds{1});
    EXPECT_THAT(models.not_stopped(), IsEmpty());
    const std::size_t with_it = tasks.size();
    EXPECT_EQ(leaves->model().name, "a:latest");
    held = nullptr;
    io.restart();
    io.run_for(core::seconds{1});
    EXPECT_LT(tasks.size(), with_it) << "it was not kept, or is not forgotten";
}

TEST_F(remote_fleet, is_unchanged_when_a_change_cannot_be_prepared) {
    open({model("a:latest")});
    config::configuration wanted = settings;
    wanted.models.push_back(model("b:latest", "nonsense"));
    std::string culprit;
    EXPECT_FALSE(models.prepare(wanted, culprit));
    EXPECT_EQ(culprit, "b:latest");
    EXPECT_THAT(models.deployments(), ElementsAre("a:latest"));
    EXPECT_THAT(offered(), ElementsAre("a:latest"));
}

}  // namespace
}  // namespace corral::fleet
