#include "corral/incidents/black_box.hpp"

#include <gmock/gmock.h>
#include <boost/asio/io_context.hpp>

#include "catalog/temporary_folder.hpp"
#include "cli/base/log_text.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "run_until.hpp"
#include "supervisor/scripted_group.hpp"

namespace corral::incidents {
namespace {

using json = nlohmann::ordered_json;
using supervisor::service_state;
using supervisor::trouble;
using testing::HasSubstr;

class black_box_files : public testing::Test {
protected:
    black_box_files() {
        model.name = "m:latest";
        model.runtime.name = "axera-poll";
        model.variables = {{"secret", "MARK"}};
        open();
    }
    ~black_box_files() override {
        box.reset();
        tasks.cancel();
        run_until([this] { return tasks.empty(); });
    }
    void open(config::black_box_settings settings = {}, std::filesystem::path at = {}) {
        box.reset();
        black_box_sources from;
        from.journal = &journal;
        from.device = [] { return json{{"free_mb", 12}}; };
        box = std::make_unique<black_box>(tasks, clock, settings, at.empty() ? store : at, std::move(from));
        box->watch(model, services);
    }
    template <typename Condition>
    bool run_until(Condition condition) {
        return corral::run_until(io, condition);
    }
    void crash(const std::string& why = "ended by itself: killed by SIGSEGV") {
        services.services[0].last_end = core::reason::unlisted("killed by SIGSEGV: The runtime crashed.");
        services.move(service_state::ready, trouble::none, "ready");
        services.move(service_state::stopping, trouble::crash, why);
        services.move(service_state::starting, trouble::none, "loading again");
    }
    std::vector<std::string> names() { return telemetry::list_crashes(store).value(); }
    json newest() { return json::parse(telemetry::read_crash(store, names().at(0)).value()); }

    catalog::model_entry model;
    tests::temporary_folder folder;
    std::filesystem::path store = folder.path() / "crashes";
    boost::asio::io_context io{1};
    core::steady_clock_source clock;
    core::task_group tasks{io.get_executor(), [](const std::string& task, const std::string& what) {
                               ADD_FAILURE() << task << ": " << what;
                           }};
    telemetry::run_journal journal;
    supervisor::scripted_group services{"m:latest"};
    std::unique_ptr<black_box> box;
};

TEST_F(black_box_files, a_crash_is_kept_with_all_that_is_known_of_it) {
    services.lines = {"[corral] started as process 42", "init ok"};
    telemetry::run_record shape;
    shape.id = "r-1";
    shape.model = "m:latest";
    shape.deployment = "m:latest";
    shape.prompt_bytes = 321;
    shape.temperature = 0.5;
    const auto running = journal.begin(shape);
    running->note_piece(clock.now());
    crash();
    running->record().outcome = "runtime-died";
    running->record().why = "SIGKILL";
    journal.finish(running);
    ASSERT_TRUE(run_until([this] { return !names().empty(); }));
    const json bundle = newest();
    EXPECT_EQ(bundle["schema"], 1);
    EXPECT_EQ(bundle["model"], "m:latest");
    EXPECT_EQ(bundle["kind"], "crash");
    EXPECT_EQ(bundle["trigger"]["sentence"], "ended by itself: killed by SIGSEGV");
    EXPECT_EQ(bundle["trigger"]["ended"], "killed by SIGSEGV: The runtime crashed.");
    EXPECT_EQ(bundle["trigger"]["advice"], "look there");
    EXPECT_EQ(bundle["settings"]["profile"], "axera-poll");
    EXPECT_EQ(bundle["settings"]["clocks_ms"]["decode_stall"], 30000);
    EXPECT_EQ(bundle.dump().find("MARK"), std::string::npos) << "variables may be secrets";
    EXPECT_EQ(bundle["services"][0]["lines"][1], "init ok");
    EXPECT_EQ(bundle["history"].size(), 3U);
    EXPECT_EQ(bundle["history"][1]["failure"], "crash");
    ASSERT_EQ(bundle["requests"]["inside"].size(), 1U) << "it ran when the crash came";
    EXPECT_EQ(bundle["requests"]["inside"][0]["outcome"], "running");
    EXPECT_EQ(bundle["requests"]["inside"][0]["prompt_bytes"], 321);
    EXPECT_EQ(bundle["requests"]["inside"][0]["sampling"]["temperature"], 0.5);
    EXPECT_EQ(bundle["requests"]["finished"][0]["outcome"], "runtime-died");
    EXPECT_EQ(bundle["requests"]["finished"][0]["why"], "SIGKILL");
    EXPECT_EQ(bundle["device"]["free_mb"], 12);
    EXPECT_TRUE(bundle["system"].contains("memory_kb")) << bundle["system"];
    const std::string shown = cli::bundle_text(bundle);
    EXPECT_THAT(shown, HasSubstr("how it ended: killed by SIGSEGV: The runtime crashed."));
    EXPECT_THAT(shown, HasSubstr("321 bytes"));
    EXPECT_THAT(shown, HasSubstr("| init ok"));
}

TEST_F(black_box_files, a_stop_that_was_asked_for_is_no_incident) {
    services.move(service_state::stopping, trouble::none, "asked to stop");
    services.move(service_state::stopped, trouble::none, "asked to stop");
    box.reset();
    EXPECT_TRUE(names().empty());
}

TEST_F(black_box_files, what_is_open_at_the_end_is_kept) {
    crash();
    box.reset();
    EXPECT_EQ(names().size(), 1U);
    EXPECT_TRUE(services.observers.empty());
}

TEST_F(black_box_files, a_model_that_is_forgotten_is_not_looked_at_again) {
    crash();
    box->forget(services);
    EXPECT_TRUE(services.observers.empty());
    ASSERT_TRUE(run_until([this] { return names().size() == 1 && tasks.empty(); }));
}

TEST_F(black_box_files, what_happened_before_it_watched_is_not_its_business) {
    box.reset();
    crash();
    open();
    services.move(service_state::ready, trouble::none, "ready");
    box.reset();
    EXPECT_TRUE(names().empty());
}

TEST_F(black_box_files, a_storm_is_one_bundle_and_says_what_it_left_out) {
    config::black_box_settings few;
    few.keep = 2;
    open(few);
    for (int i = 0; i < 20; ++i) {
        crash();
        box->forget(services);
        box->watch(model, services);
    }
    box.reset();
    EXPECT_EQ(names().size(), 2U) << "six were written, and two may stay";
}

TEST_F(black_box_files, a_place_that_can_t_be_written_harms_nothing) {
    folder.write("blocked", "a file");
    open({}, folder.path() / "blocked" / "crashes");
    crash();
    ASSERT_TRUE(run_until([this] { return !box->lost().empty(); }));
    EXPECT_THAT(box->lost(), HasSubstr("blocked"));
    box.reset();
    EXPECT_TRUE(names().empty());
}

TEST_F(black_box_files, what_could_not_be_written_is_told_until_one_can) {
    folder.write("crashes", "a file where the folder should be");
    crash();
    ASSERT_TRUE(run_until([this] { return !box->lost().empty(); }));
    std::filesystem::remove(store);
    crash();
    ASSERT_TRUE(run_until([this] { return !names().empty() && box->lost().empty(); }));
}

}  // namespace
}  // namespace corral::incidents
