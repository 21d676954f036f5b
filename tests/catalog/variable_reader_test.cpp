#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/catalog/profile_reader.hpp"

namespace corral::catalog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string profile_with(const std::string& variables) {
    return "name = \"p\"\ndialect = \"d\"\n" + variables +
           "[[services]]\nname = \"runtime\"\ncommand = [\"./run\", \"{port}\"]\n"
           "stop_loading = [{ signal = \"SIGKILL\", to = \"group\", grace = \"1s\" }]\n"
           "stop_ready = [{ signal = \"SIGKILL\", to = \"group\", grace = \"3s\" }]\n";
}

std::string complaints(const std::string& variables) {
    std::string out;
    for (const auto& one : parse_profile(profile_with(variables), "p.toml").errors) {
        out += to_text(one) + "\n";
    }
    return out;
}

const variable_spec& variable(const profile& of, const std::string& name) {
    for (const auto& one : of.variables) {
        if (one.name == name) {
            return one;
        }
    }
    throw std::runtime_error("no variable " + name);
}

TEST(variable_reader, says_what_a_variable_stands_for) {
    const auto read = parse_profile(profile_with(R"([variables.size]
about = "a"
[variables.plain]
about = "a"
[variables.weights]
about = "a"
kind = "file"
bytes = ["vocabulary", "size", "2"]
least_bytes = 10
on_device = true
[variables.layer]
about = "a"
kind = "numbered-files"
count = "size"
[variables.script]
about = "a"
kind = "python-script"
holds = ["get_uid"]
holds_beside = "bos"
holds_why = "Old."
modules = { apply_chat_template = "jinja2" }
[[files]]
path = "post_config.json"
json_keys = ["top_k"]
optional = false
missing = "m"
broken = "b"
)"),
                                    "p.toml");
    ASSERT_TRUE(read.value) << to_text(read.errors.at(0));
    EXPECT_EQ(variable(*read.value, "plain").kind, variable_kind::text);
    const auto& weights = variable(*read.value, "weights");
    EXPECT_EQ(weights.kind, variable_kind::file);
    EXPECT_THAT(weights.bytes, ElementsAre("vocabulary", "size", "2"));
    EXPECT_EQ(weights.least_bytes, 10U);
    EXPECT_TRUE(weights.on_device);
    EXPECT_EQ(variable(*read.value, "layer").kind, variable_kind::numbered_files);
    EXPECT_EQ(variable(*read.value, "layer").count, "size");
    const auto& script = variable(*read.value, "script");
    EXPECT_THAT(script.holds, ElementsAre("get_uid"));
    EXPECT_EQ(script.modules.at("apply_chat_template"), "jinja2");
    ASSERT_EQ(read.value->files.size(), 1U);
    EXPECT_EQ(read.value->files[0], (runtime_file{.path = "post_config.json",
                                                  .json_keys = {"top_k"},
                                                  .optional = false,
                                                  .missing = "m",
                                                  .broken = "b"}));
}

TEST(variable_reader, mistakes_have_a_place_and_a_reason) {
    const std::string begin = "[variables.x]\nabout = \"a\"\n";
    const std::vector<std::pair<std::string, std::string>> table = {
        {begin + "kind = \"programm\"\n", "p.toml:5:8: "},
        {begin + "kind = \"programm\"\n", "program"},
        {begin + "kind = \"numbered-files\"\n", "'count' is missing"},
        {begin + "kind = \"numbered-files\"\ncount = \"layers\"\n", "there is no variable 'layers'"},
        {begin + "kind = \"file\"\nbytes = [\"vocabulary\", \"width\"]\n",
         "'width' is neither a number nor a variable"},
        {begin + "kind = \"file\"\nleast_bytes = -1\n", "least_bytes"},
        {begin + "on_device = true\n", "'on_device' means something only with kind = \"file\""},
        {begin + "kind = \"program\"\nholds = [\"x\"]\n",
         "'holds' means something only with kind = \"python-script\""},
        {begin + "kindd = \"file\"\n", "did you mean 'kind'?"},
        {"[[files]]\npath = \"../x\"\n", "without '..'"},
        {"[[files]]\npath = \"/etc/x\"\n", "relative to the package"},
        {"[[files]]\njson_keys = [\"a\"]\n", "'path'"},
    };
    for (const auto& [text, complaint] : table) {
        EXPECT_THAT(complaints(text), HasSubstr(complaint)) << text;
    }
}

TEST(variable_reader, the_shipped_profile_says_what_its_files_are) {
    const auto read = read_profile(CORRAL_SOURCE_DIR "/vendor/axera-poll/profile.toml");
    ASSERT_TRUE(read.value);
    const auto& shipped = *read.value;
    EXPECT_EQ(variable(shipped, "python").kind, variable_kind::program);
    EXPECT_EQ(variable(shipped, "runtime_program").kind, variable_kind::program);
    EXPECT_EQ(variable(shipped, "tokenizer_script").kind, variable_kind::python_script);
    EXPECT_EQ(variable(shipped, "layer_files").kind, variable_kind::numbered_files);
    EXPECT_TRUE(variable(shipped, "layer_files").on_device);
    EXPECT_TRUE(variable(shipped, "post_file").on_device);
    EXPECT_FALSE(variable(shipped, "embedding_file").on_device) << "it stays in the host's memory";
    EXPECT_THAT(variable(shipped, "embedding_file").bytes, ElementsAre("vocabulary", "embedding_size", "2"));
    EXPECT_EQ(variable(shipped, "system_prompt").kind, variable_kind::text);
    // docs/facts/vendor_ax.md#sampling: all nine are mandatory where the file is there.
    ASSERT_EQ(shipped.files.size(), 1U);
    EXPECT_EQ(shipped.files[0].json_keys.size(), 9U);
}

}  // namespace
}  // namespace corral::catalog
