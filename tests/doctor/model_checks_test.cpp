// One model: programs, ports, guard, memory of the host, and what the running Corral says.

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "doctor/fake_box.hpp"

namespace corral::doctor {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class model_checks : public fake_box {
protected:
    model_checks() {
        of.around.machine.is_board = true;  // the card is another test's
    }
};

TEST_F(model_checks, a_model_that_is_well_has_nothing_to_say) {
    add_model();
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(model_checks, a_program_that_cannot_run_is_told_with_the_service) {
    service_view& runtime = add_model().services.front();
    const auto pointer =
        write("/package/main_api", "version https://git-lfs.github.com/spec/v1\noid sha256:" +
                                       std::string(64, '0') + "\nsize 1064760\n");
    ::chmod(pointer.c_str(), 0755);
    runtime.command.command = {pointer.string()};
    EXPECT_THAT(found(), ElementsAre("error program.lfs-pointer"));
    EXPECT_EQ(the("program.lfs-pointer").subject, "model sim:latest, service runtime");
    EXPECT_THAT(the("program.lfs-pointer").what, HasSubstr("git-LFS"));
    runtime.command.command = {(root / "package/nothing").string()};
    EXPECT_THAT(found(), ElementsAre("error program.missing"));
}

TEST_F(model_checks, a_working_directory_that_is_not_there_is_told) {
    add_model().services.front().command.working_directory = (root / "gone").string();
    EXPECT_THAT(found(), ElementsAre("error program.bad-directory"));
}

TEST_F(model_checks, who_holds_a_services_port_is_named_with_the_command_that_stops_him) {
    service_view& runtime = add_model().services.front();
    runtime.port = 8000;
    listeners = {{8000, true, false, 812, "llm_openai"}};
    write("/proc/812/cgroup", "0::/system.slice/llm-openai-api.service\n");
    EXPECT_THAT(found(), ElementsAre("error port.taken"));
    EXPECT_EQ(the("port.taken").what, "port 8000 is already taken by llm_openai (pid 812)");
    EXPECT_THAT(the("port.taken").fix, HasSubstr("sudo systemctl disable --now llm-openai-api.service"));
    ours = {812};
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(model_checks, a_program_of_a_session_is_stopped_by_its_number) {
    add_model().services.front().port = 8000;
    listeners = {{8000, false, true, 813, "python3"}};
    write("/proc/813/cgroup", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n");
    EXPECT_THAT(the("port.taken").fix, HasSubstr("kill 813"));
}

TEST_F(model_checks, a_unit_that_is_called_like_a_command_is_quoted) {
    add_model().services.front().port = 8000;
    listeners = {{8000, false, true, 814, "python3"}};
    write("/proc/814/cgroup", "0::/machine.slice/a; touch pwned; .service\n");
    EXPECT_THAT(the("port.taken").fix, HasSubstr("disable --now 'a; touch pwned; .service'"));
    write("/proc/814/cgroup", "0::/machine.slice/--force.service\n");
    EXPECT_THAT(the("port.taken").fix, HasSubstr("kill 814"));
}

TEST_F(model_checks, a_compiled_in_port_that_the_guard_moves_is_only_a_note) {
    add_model().services.front().compiled_port = 8000;
    listeners = {{8000, true, false, 812, "llm_openai"}};
    EXPECT_THAT(found(), ElementsAre("note port.compiled-in-taken"));
}

TEST_F(model_checks, a_listener_elsewhere_than_on_loopback_is_in_nobodys_way) {
    add_model().services.front().port = 8000;
    listeners = {{8000, false, false, 812, "other"}};
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(model_checks, a_guard_that_cannot_work_is_a_warning_and_an_error_where_it_must) {
    service_view& runtime = add_model().services.front();
    runtime.rules.guard = catalog::guard_mode::warn;
    runtime.rules.guard_library = root / "nothing.so";
    EXPECT_THAT(found(), ElementsAre("warning guard.no-library"));
    runtime.rules.guard = catalog::guard_mode::require;
    EXPECT_THAT(found(), ElementsAre("error guard.no-library"));
}

TEST_F(model_checks, host_files_larger_than_the_free_memory_are_told) {
    model_view& model = add_model();
    catalog::variable_spec embedding;
    embedding.name = "embedding_file";
    embedding.kind = catalog::variable_kind::file;
    model.entry.runtime.variables = {embedding};
    model.entry.variables = {{"embedding_file", "embed.bin"}};
    write("/package/embed.bin", std::string(3 * 1024 * 1024, 'x'));
    write("/proc/meminfo", "MemAvailable: 2048 kB\n");
    EXPECT_THAT(found(), Contains("warning memory.short"));
    write("/proc/meminfo", "MemAvailable: 4096 kB\n");
    EXPECT_THAT(found(), Not(Contains("warning memory.short")));
}

TEST_F(model_checks, a_model_whose_commands_cannot_be_made_says_what_is_missing) {
    model_view& model = add_model();
    model.services.clear();
    catalog::service_template service;
    service.name = "runtime";
    service.command = {"{runtime_program}"};
    model.entry.runtime.services = {service};
    EXPECT_THAT(found(), ElementsAre("error configuration.service"));
    EXPECT_THAT(the("configuration.service").what, HasSubstr("runtime_program"));
}

TEST_F(model_checks, a_model_on_another_server_needs_neither_services_nor_a_package) {
    model_view& model = add_model();
    model.services.clear();
    model.entry.package.clear();
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(model_checks, a_broken_model_of_the_running_corral_is_told_once) {
    service_view& runtime = add_model().services.front();
    of.daemon = daemon_view{5, "1", {{"sim:latest", "broken", "it keeps dying", "look at its log", ""}}};
    EXPECT_THAT(found(), ElementsAre("error model.broken"));
    EXPECT_EQ(the("model.broken").what, "it keeps dying");
    EXPECT_EQ(the("model.broken").fix, "look at its log");
    // What the gate said is what a check says.
    runtime.port = 8000;
    listeners = {{8000, true, false, 812, "other"}};
    EXPECT_THAT(found(), ElementsAre("error port.taken", "error model.broken"))
        << "that is not why it keeps dying";
    of.daemon->models.front().refused_by_check = true;
    EXPECT_THAT(found(), ElementsAre("error port.taken"));
    model_view other = of.models.front();
    other.entry.name = of.daemon->models.front().name = "sim:late";
    other.services.front().port = 0;
    of.models.push_back(std::move(other));
    EXPECT_THAT(found(), ElementsAre("error port.taken", "error model.broken")) << "that is another model's";
    of.models.pop_back();
    of.daemon->models.front().name = "sim:latest";
    listeners.clear();
    EXPECT_THAT(found(), ElementsAre("error model.broken"))
        << "repaired, and not known to the one that runs yet";
}

TEST_F(model_checks, a_model_that_fails_and_starts_again_is_told) {
    add_model();
    of.daemon = daemon_view{5, "1", {{"sim:latest", "loading", "ended by itself", "", ""}}};
    EXPECT_THAT(found(), IsEmpty());
    of.daemon->models.front().starts_again = true;
    EXPECT_THAT(found(), ElementsAre("warning model.starts-again"));
    EXPECT_EQ(the("model.starts-again").what, "ended by itself");
}

TEST_F(model_checks, a_package_that_is_not_there_is_told_once) {
    model_view& model = add_model();
    model.services.front().command.working_directory = model.entry.package.string();
    std::filesystem::remove_all(model.entry.package);
    of.daemon =
        daemon_view{5, "1", {{"sim:latest", "broken", "The package folder is not there", "", "", true}}};
    EXPECT_THAT(found(), ElementsAre("error package.missing"));
}

TEST_F(model_checks, before_a_start_only_what_concerns_it_is_looked_at) {
    configured().errors = {{"corral.toml", 3, 1, core::reason::unlisted("unknown key")}};
    service_view& runtime = add_model().services.front();
    runtime.port = 8000;
    runtime.command.command = {(root / "package/nothing").string()};
    listeners = {{8000, true, false, 812, "other"}};
    std::vector<std::string> ids;
    for (const start_part part : {start_part::files, start_part::moment}) {
        for (const catalog::finding& one : examine_before_start(of, part)) {
            ids.push_back(one.id);
        }
    }
    EXPECT_THAT(ids, ElementsAre("program.missing", "port.taken"));
}

TEST_F(model_checks, view_of_expands_the_services_and_leaves_chosen_ports_open) {
    catalog::model_entry model;
    model.name = "sim:latest";
    model.package = "/opt/model";
    model.variables = {{"program", "./server"}};
    catalog::service_template tokenizer;
    tokenizer.name = "tokenizer";
    tokenizer.command = {"python3", "t.py", "--port", "{port}"};
    tokenizer.working_directory = "{package}";
    catalog::service_template runtime;
    runtime.name = "runtime";
    runtime.url = "http://127.0.0.1:{port}";
    runtime.command = {"{program}"};
    runtime.working_directory = "{package}";
    runtime.port = 8000;
    runtime.environment = {{"LD_LIBRARY_PATH", "/usr/lib/axcl"}};
    runtime.guard = catalog::guard_mode::off;
    model.runtime.services = {tokenizer, runtime};
    const auto view = view_of(model);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->services[0].port, 0);
    EXPECT_EQ(view->services[1].port, 8000);
    EXPECT_EQ(view->services[1].compiled_port, 0);
    EXPECT_EQ(view->services[1].command.command.front(), "./server");
    EXPECT_EQ(view->services[1].command.environment.at("LD_LIBRARY_PATH"), "/usr/lib/axcl");
    EXPECT_EQ(view->services[1].command.working_directory, "/opt/model");
    model.runtime.services[1].guard = catalog::guard_mode::warn;
    EXPECT_EQ(view_of(model)->services[1].compiled_port, 8000);
    EXPECT_EQ(view_of(model)->services[1].port, 0);
}

}  // namespace
}  // namespace corral::doctor
