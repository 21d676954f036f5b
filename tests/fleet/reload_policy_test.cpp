#include "corral/fleet/reload_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"

namespace corral::fleet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class reload_policy : public config::configuration_file {
protected:
    config::configuration read(const std::string& text) {
        auto out = load(text);
        EXPECT_TRUE(out.value) << complaints(text);
        return out.value ? *out.value : config::configuration{};
    }
    static std::string model(const std::string& name, const std::string& extra = {}) {
        return "[[models]]\nname = \"" + name +
               "\"\nprofile = \"small\"\npackage = \"package\"\nvariables = { layers = 36 }\n" + extra +
               "\n[models.services.runtime]\nport = 0\ncommand = [\"./run\", \"{port}\", \"{layers}\"]\n";
    }
};

TEST_F(reload_policy, tells_models_apart) {
    const auto now = read(model("a") + model("b") + model("c"));
    const auto wanted = read(model("d") + model("a") + model("c", "default_system = \"x\""));
    const auto plan = plan_reload(now, wanted);
    EXPECT_THAT(plan.removed, ElementsAre("b:latest"));
    EXPECT_THAT(plan.added, ElementsAre("d:latest"));
    EXPECT_THAT(plan.changed, ElementsAre("c:latest"));
    EXPECT_THAT(plan.unchanged, ElementsAre("a:latest"));
    EXPECT_THAT(plan.later, IsEmpty());
}

TEST_F(reload_policy, of_a_server_that_lets_nobody_in_may_change_its_door) {
    auto shut = read("listen = \"127.0.0.1:1\"\n" + model("a"));
    auto wanted = shut;
    wanted.tls = http::tls_files{"cert", "key"};
    EXPECT_FALSE(settings_after(shut, wanted).tls);
    shut.in_place =
        config::stand_in{"its last good copy", {{"corral.toml", 1, 1, core::reason::unlisted("oops")}}, true};
    EXPECT_TRUE(settings_after(shut, wanted).tls);
    EXPECT_FALSE(settings_after(shut, wanted).in_place);
    EXPECT_THAT(plan_reload(shut, wanted).later, IsEmpty());
    // The old address is open to others than the new one.
    wanted.listen.port(2);
    ASSERT_TRUE(settings_after(shut, wanted).in_place);
    EXPECT_TRUE(settings_after(shut, wanted).in_place->door_differs);
}

TEST_F(reload_policy, a_name_in_other_letters_is_another_model) {
    const auto plan = plan_reload(read(model("a")), read(model("A")));
    EXPECT_THAT(plan.removed, ElementsAre("a:latest"));
    EXPECT_THAT(plan.added, ElementsAre("A:latest"));
}

TEST_F(reload_policy, every_part_of_a_model_counts) {
    const auto before = read(model("a"));
    for (const char* extra :
         {"family = \"qwen3\"", "sampling = { top_k = 7 }", "context = { positions = 9 }",
          "poll_interval = \"1s\"", "parameter_size = \"1B\"", "clocks = { reset = \"1s\" }",
          "restart = { intensity = 2 }", "capabilities = [\"completion\", \"tools\"]",
          "package_forbids_thinking = true", "[models.services.tokenizer]\nlimit_files = 99",
          "[models.services.tokenizer]\nnice = 3", "[models.services.tokenizer]\nprobe = { target = \"/x\" }",
          "[models.services.tokenizer]\nenvironment = { A = \"b\" }"}) {
        EXPECT_THAT(plan_reload(before, read(model("a", extra))).changed, ElementsAre("a:latest")) << extra;
    }
}

TEST_F(reload_policy, a_profile_that_changed_changes_its_models) {
    const auto before = read(model("a"));
    auto text = config::profile_text;
    text.replace(text.rfind("grace = \"1s\""), 12, "grace = \"2s\"");
    folder_.write("vendor/small/profile.toml", text);
    EXPECT_THAT(plan_reload(before, read(model("a"))).changed, ElementsAre("a:latest"));
}

TEST_F(reload_policy, what_a_runtime_writes_into_its_package_does_not_count) {
    const auto before = read(model("a"));
    folder_.write("package/log.txt", "a line");
    const auto after = read(model("a"));
    EXPECT_NE(before.models[0].digest, after.models[0].digest);
    EXPECT_THAT(plan_reload(before, after).unchanged, ElementsAre("a:latest"));
}

TEST_F(reload_policy, a_configuration_that_lost_everything_is_refused) {
    const auto none = read("");
    const auto comment = read("# all of it is gone\n");
    const auto setting = read("max_queue = 9\n");
    const auto one = read("max_queue = 9\n" + model("a"));
    EXPECT_NE(refuse_emptied(one, none).find("empty"), std::string::npos);
    EXPECT_NE(refuse_emptied(one, comment).find("empty"), std::string::npos);
    EXPECT_NE(refuse_emptied(setting, none).find("empty"), std::string::npos);
    EXPECT_NE(refuse_emptied(one, setting).find("no model any more, and 1"), std::string::npos);
    EXPECT_EQ(refuse_emptied(one, read(model("b"))), "");
    EXPECT_EQ(refuse_emptied(none, comment), "");
    EXPECT_EQ(refuse_emptied(none, one), "");
    EXPECT_EQ(refuse_emptied(setting, setting), "");
}

TEST_F(reload_policy, what_can_not_change_now_is_named_and_kept) {
    const auto now = read("listen = \"127.0.0.1:1\"\n" + model("a"));
    auto wanted = read(
        "listen = \"127.0.0.1:2\"\nlog_content = true\nstate_directory = \"s\"\nadmin_socket = \"\"\n"
        "max_queue = 9\n[fleet]\nagent = \"127.0.0.1:3\"\n" +
        model("a"));
    keep_folders(now, wanted);
    const auto plan = plan_reload(now, wanted);
    EXPECT_THAT(plan.unchanged, ElementsAre("a:latest")) << "its files stay where they are";
    EXPECT_THAT(plan.later,
                ElementsAre("listen", "state_directory", "admin_socket", "fleet.agent", "log_content"));
    const auto after = settings_after(now, wanted);
    EXPECT_EQ(after.listen.port(), 1);
    EXPECT_EQ(after.state_directory, now.state_directory);
    EXPECT_EQ(after.admin_socket, now.admin_socket);
    EXPECT_FALSE(after.agent);
    EXPECT_FALSE(after.log_content);
    EXPECT_EQ(after.max_queue, 9U);
    // Said again at each reload until the next start.
    EXPECT_EQ(plan_reload(after, wanted).later.size(), 5U);
}

TEST_F(reload_policy, the_admin_socket_has_a_usual_place) {
    set_environment({{"XDG_STATE_HOME", "/state"}});
    EXPECT_EQ(read(model("a")).admin_socket, "/state/corral/corral.sock");
    set_environment({{"XDG_STATE_HOME", "/state"}, {"RUNTIME_DIRECTORY", "/run/corral:/run/other"}});
    EXPECT_EQ(read(model("a")).admin_socket, "/run/corral/corral.sock");
    EXPECT_EQ(read("admin_socket = \"here\"\n" + model("a")).admin_socket, folder_.path() / "here");
    const auto off = read("admin_socket = \"\"\n" + model("a"));
    EXPECT_TRUE(off.admin_socket.empty());
}

}  // namespace
}  // namespace corral::fleet
