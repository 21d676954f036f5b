#include "corral/config/configuration_manifests.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "config/configuration_fixture.hpp"
#include "corral/fleet/reload_policy.hpp"

namespace corral::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class configuration_manifests : public configuration_file {
protected:
    static std::string manifest(const std::string& name, const std::string& extra = {}) {
        return "name = \"" + name +
               "\"\nprofile = \"small\"\npackage = \"../package\"\nvariables = { layers = 36 }\n" + extra +
               "\n[services.runtime]\nport = 0\ncommand = [\"./run\", \"{port}\", \"{layers}\"]\n";
    }
    void put(const std::string& file, const std::string& text) { folder_.write("models.d/" + file, text); }
    configuration read(const std::string& text = "log_level = \"info\"\n") {
        auto out = load(text);
        EXPECT_TRUE(out.value);
        return out.value ? std::move(*out.value) : configuration{};
    }
    static std::vector<std::string> names(const configuration& of) {
        std::vector<std::string> out;
        for (const auto& model : of.models) {
            out.push_back(model.name);
        }
        return out;
    }
    // Of the only manifest that is left out, without the folder.
    std::string problem(const configuration& of) {
        EXPECT_EQ(of.left_out.size(), 1U);
        std::string text = of.left_out.empty() ? "" : catalog::to_text(of.left_out.front().problems.front());
        const std::string folder = folder_.path().string() + "/";
        return text.starts_with(folder) ? text.substr(folder.size()) : text;
    }
};

TEST_F(configuration_manifests, are_read_in_the_order_of_their_names_after_the_file) {
    put("b.toml", manifest("b:1"));
    put("a.toml", manifest("a:1"));
    const auto settings = read(model_text);
    EXPECT_THAT(names(settings), ElementsAre("Qwen3:4b", "a:1", "b:1"));
    EXPECT_THAT(settings.left_out, IsEmpty());
    EXPECT_EQ(settings.models[1].source, folder_.path() / "models.d/a.toml");
    EXPECT_EQ(settings.models[0].source, folder_.path() / "c.toml");
    // Relative to the manifest's own folder.
    EXPECT_EQ(settings.models[1].package, folder_.path() / "package");
    EXPECT_GT(settings.models[1].size_bytes, 0U);
}

TEST_F(configuration_manifests, are_not_hidden_files_or_copies_of_editors) {
    for (const char* name :
         {".a.toml", "a.toml~", "a.toml.bak", "#a.toml#", "#a.toml", "notes.txt", "a.sums"}) {
        put(name, manifest("a"));
    }
    const auto out = load("log_level = \"info\"\n");
    ASSERT_TRUE(out.value);
    EXPECT_THAT(names(*out.value), IsEmpty());
    EXPECT_THAT(out.value->left_out, IsEmpty());
    EXPECT_THAT(out.warnings, IsEmpty());
}

TEST_F(configuration_manifests, files_that_were_meant_to_be_some_are_named) {
    for (const char* name : {"a.TOML", "b.toml.txt", ".c.toml.txt", "d.toml.bak"}) {
        put(name, manifest("a"));
    }
    const auto out = load("log_level = \"info\"\n");
    ASSERT_TRUE(out.value);
    EXPECT_THAT(names(*out.value), IsEmpty());
    ASSERT_EQ(out.warnings.size(), 2U);
    EXPECT_EQ(out.warnings[0].file, folder_.path() / "models.d/a.TOML");
    EXPECT_EQ(out.warnings[1].file, folder_.path() / "models.d/b.toml.txt");
    EXPECT_THAT(out.warnings[1].message, HasSubstr("is not read as a manifest"));
}

TEST_F(configuration_manifests, one_that_is_no_file_or_a_link_to_nowhere_is_left_out) {
    put("a.toml", manifest("a"));
    const auto now = read();
    const auto place = folder_.path() / "models.d/a.toml";
    const auto expect_left_out = [&](const std::string& why) {
        auto wanted = read();
        EXPECT_THAT(problem(wanted), HasSubstr(why));
        EXPECT_THAT(fleet::keep_served(now, wanted), ElementsAre("a:latest")) << why;
        std::filesystem::remove_all(place);
    };
    std::filesystem::remove(place);
    std::filesystem::create_symlink("/mnt/away/a.toml", place);
    expect_left_out(
        "models.d/a.toml: cannot be read: it is a link to '/mnt/away/a.toml', which is not there");
    std::filesystem::create_directory(place);
    expect_left_out("it is not a file");
    ASSERT_EQ(::mkfifo(place.c_str(), 0600), 0);
    expect_left_out("it is not a file");
}

TEST_F(configuration_manifests, live_where_the_file_says) {
    folder_.write("elsewhere/a.toml", manifest("a"));
    EXPECT_THAT(names(read("models_directory = \"elsewhere/\"\n")), ElementsAre("a:latest"));
    const auto out = load("profiles = [\"vendor\", \"away\"]\nmodels_directory = \"nowhere\"\n");
    ASSERT_TRUE(out.value);
    EXPECT_THAT(names(*out.value), IsEmpty());
    ASSERT_EQ(out.warnings.size(), 2U);
    EXPECT_EQ(out.warnings[0].line, 1U);
    EXPECT_THAT(out.warnings[0].message, HasSubstr("'profiles' names "));
    EXPECT_THAT(out.warnings[0].message, HasSubstr("away, which is not there"));
    EXPECT_EQ(out.warnings[1].line, 2U);
    EXPECT_THAT(out.warnings[1].message, HasSubstr("nowhere, which is not there"));
}

TEST_F(configuration_manifests, warn_where_their_folder_is_a_file_or_has_a_tilde) {
    folder_.write("flat", "");
    auto out = load("\nmodels_directory = \"flat\"\n");
    ASSERT_EQ(out.warnings.size(), 1U);
    EXPECT_EQ(out.warnings[0].line, 2U);
    EXPECT_THAT(out.warnings[0].message, HasSubstr("flat, which is not a folder"));
    out = load("state_directory = \"~/state\"\nmodels_directory = \"~/models.d\"\n");
    std::vector<std::string> seen;
    for (const catalog::diagnostic& one : out.warnings) {
        seen.push_back(std::to_string(one.line) + " " + one.message.text());
    }
    EXPECT_THAT(seen, testing::IsSupersetOf({HasSubstr("1 'state_directory' begins with '~'"),
                                             HasSubstr("2 'models_directory' begins with '~'")}));
}

TEST_F(configuration_manifests, tell_where_a_variable_is_said) {
    put("a.toml", manifest("a"));
    const auto settings = read(model_text);
    ASSERT_EQ(settings.models.size(), 2U);
    EXPECT_EQ(settings.models[1].said_at.at("layers"), (folder_.path() / "models.d/a.toml").string() + ":4");
}

TEST_F(configuration_manifests, need_no_configuration_beside_them) {
    put("a.toml", manifest("a"));
    source_.file_may_be_missing = true;
    const auto out = load_configuration(source_);
    ASSERT_TRUE(out.value);
    EXPECT_THAT(names(*out.value), ElementsAre("a:latest"));
    source_.file_may_be_missing = false;
    EXPECT_FALSE(load_configuration(source_).value);
}

TEST_F(configuration_manifests, one_with_a_mistake_is_left_out_alone) {
    put("a.toml", manifest("a", "familly = \"qwen3\""));
    put("b.toml", manifest("b"));
    auto settings = read();
    EXPECT_THAT(names(settings), ElementsAre("b:latest"));
    EXPECT_EQ(problem(settings),
              "models.d/a.toml:5:1: unknown key 'familly' in the manifest; did you mean 'family'?");
    EXPECT_EQ(settings.left_out.front().name, "a:latest");
    EXPECT_THAT(left_out_lines(settings.left_out.front()).back(), HasSubstr("model a:latest, is left out"));

    put("a.toml", "name = \"a\nprofile");
    settings = read();
    EXPECT_THAT(names(settings), ElementsAre("b:latest"));
    EXPECT_THAT(problem(settings), HasSubstr("models.d/a.toml:1:"));
    EXPECT_EQ(settings.left_out.front().name, "");

    put("a.toml", std::string(1024 * 1024 + 1, '#'));
    EXPECT_THAT(problem(read()), HasSubstr("larger than 1 MiB"));
    // The configuration itself stays whole or nothing.
    EXPECT_FALSE(load("max_queue = 0\n").value);
}

TEST_F(configuration_manifests, one_that_was_copied_from_a_configuration_says_so) {
    const std::string whole =
        "[[models]]\nname = \"a:1\"\nprofile = \"small\"\npackage = \"../package\"\n"
        "[models.variables]\nlayers = 36\n";
    for (const std::string& text : {whole, whole.substr(whole.find("name"))}) {
        put("a.toml", text);
        const auto settings = read();
        EXPECT_THAT(problem(settings), HasSubstr("a manifest holds one model: leave out [[models]]"));
        ASSERT_EQ(settings.left_out.size(), 1U);
        EXPECT_EQ(settings.left_out.front().problems.size(), 1U);
    }
}

TEST_F(configuration_manifests, a_profile_with_mistakes_leaves_out_each_manifest_that_names_it) {
    folder_.write("vendor/bad/profile.toml", "name = \"bad\"\n");
    for (const char* name : {"a", "b"}) {
        put(name + std::string(".toml"), manifest(name, "").replace(manifest(name).find("small"), 5, "bad"));
    }
    put("c.toml", manifest("c"));
    const auto settings = read();
    EXPECT_THAT(names(settings), ElementsAre("c:latest"));
    ASSERT_EQ(settings.left_out.size(), 2U);
    EXPECT_THAT(settings.left_out[0].problems.front().file, HasSubstr("bad/profile.toml"));
    EXPECT_THAT(settings.left_out[1].problems.front().file, HasSubstr("b.toml"));
}

TEST_F(configuration_manifests, the_first_of_a_name_is_served) {
    put("a.toml", manifest("QWEN3:4B"));
    put("b.toml", manifest("b", "aliases = [\"quick\"]"));
    put("c.toml", manifest("Quick"));
    put("d.toml", manifest("d", "aliases = [\"B:LATEST\"]"));
    const auto settings = read(model_text);
    EXPECT_THAT(names(settings), ElementsAre("Qwen3:4b", "b:latest"));
    ASSERT_EQ(settings.left_out.size(), 3U);
    EXPECT_THAT(settings.left_out[0].problems.front().message,
                HasSubstr("a model named 'Qwen3:4b' is already defined"));
    EXPECT_THAT(settings.left_out[1].problems.front().message,
                HasSubstr("'Quick:latest' is already an alias of model 'b:latest'"));
    EXPECT_THAT(settings.left_out[2].problems.front().message,
                HasSubstr("'B:LATEST' is already a name of model 'b:latest'"));
}

TEST_F(configuration_manifests, aliases_follow_the_rules_of_names) {
    put("a.toml", manifest("a:1b", "aliases = [\"a\", \"library/b:2\"]"));
    const auto settings = read();
    ASSERT_EQ(settings.models.size(), 1U);
    EXPECT_THAT(settings.models.front().aliases, ElementsAre("a:latest", "b:2"));
    EXPECT_EQ(find_model(settings, "A"), &settings.models.front());
    EXPECT_EQ(find_model(settings, "c"), nullptr);
    for (const auto& [aliases, complaint] : std::map<std::string, std::string>{
             {"[\"a b\"]", "'a b' is not a model name"},
             {"[\"A:1B\"]", "'A:1B' is already a name of this model"},
             {"[\"b\", \"B:latest\"]", "'B:latest' is already a name of this model"},
             {"\"b\"", "must be"}}) {
        put("a.toml", manifest("a:1b", "aliases = " + aliases));
        EXPECT_THAT(problem(read()), HasSubstr(complaint)) << aliases;
    }
}

TEST_F(configuration_manifests, are_bounded_in_number) {
    for (int i = 0; i < 1002; ++i) {
        put(std::to_string(10000 + i) + ".toml", "x");
    }
    const auto out = load("log_level = \"info\"\n");
    ASSERT_TRUE(out.value);
    EXPECT_EQ(out.value->left_out.size(), 1000U);
    ASSERT_EQ(out.warnings.size(), 1U);
    EXPECT_THAT(out.warnings.front().message, HasSubstr("those after '10999.toml' are not read"));
}

TEST_F(configuration_manifests, one_that_is_served_stays_when_its_file_becomes_bad) {
    put("a.toml", manifest("a"));
    put("b.toml", manifest("b"));
    const auto now = read();
    put("a.toml", "nonsense");
    put("c.toml", manifest("c"));
    auto wanted = read();
    EXPECT_THAT(fleet::keep_served(now, wanted), ElementsAre("a:latest"));
    EXPECT_THAT(names(wanted), ElementsAre("b:latest", "c:latest", "a:latest"));
    const auto plan = fleet::plan_reload(now, wanted);
    EXPECT_THAT(plan.added, ElementsAre("c:latest"));
    EXPECT_THAT(plan.removed, IsEmpty());
    EXPECT_THAT(plan.changed, IsEmpty());
    // Unless its name is somebody else's by now.
    put("c.toml", manifest("A"));
    wanted = read();
    EXPECT_THAT(fleet::keep_served(now, wanted), IsEmpty());
    // Removed is removed.
    std::filesystem::remove(folder_.path() / "models.d/a.toml");
    wanted = read();
    EXPECT_THAT(fleet::keep_served(now, wanted), IsEmpty());
}

TEST_F(configuration_manifests, only_a_manifest_can_be_left_out_later) {
    put("a.toml", manifest("a"));
    auto settings = read(model_text);
    EXPECT_FALSE(leave_out(settings, "Qwen3:4b", core::reason::unlisted("why")));
    EXPECT_TRUE(leave_out(settings, "a:latest", core::reason::unlisted("no port")));
    EXPECT_THAT(names(settings), ElementsAre("Qwen3:4b"));
    EXPECT_EQ(problem(settings), "models.d/a.toml: no port");
}

}  // namespace
}  // namespace corral::config
