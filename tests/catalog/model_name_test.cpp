#include "corral/catalog/model_name.hpp"

#include <gtest/gtest.h>

namespace corral::catalog {
namespace {

// docs/facts/ollama_wire.md#names.
TEST(model_name, is_shown_with_its_tag_and_without_the_default_host_and_namespace) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"qwen3:4b", "qwen3:4b"},
        {"qwen3", "qwen3:latest"},
        {" Qwen3 ", "Qwen3:latest"},
        {"library/qwen3", "qwen3:latest"},
        {"registry.ollama.ai/library/qwen3:4b", "qwen3:4b"},
        {"me/foo", "me/foo:latest"},
        {"registry.ollama.ai/me/foo", "me/foo:latest"},
        {"hf.co/org/repo-GGUF:Q4_K_M", "hf.co/org/repo-GGUF:Q4_K_M"},
        {"localhost:5000/org/repo", "localhost:5000/org/repo:latest"},
        {"https://registry.ollama.ai/library/qwen3:4b", "qwen3:4b"},
        {"http://localhost:5000/org/repo", "localhost:5000/org/repo:latest"},
        {"qwen3:4b:local", "qwen3:4b"},
        {"qwen3:local", "qwen3:latest"},
    };
    for (const auto& [typed, shown] : table) {
        EXPECT_EQ(display_name(typed).value_or("invalid"), shown) << typed;
    }
}

TEST(model_name, that_breaks_the_rules_is_refused) {
    const std::vector<std::string> table{"",
                                         " ",
                                         "foo:",
                                         "/x",
                                         "x/",
                                         "a b",
                                         "foo!",
                                         ":4b",
                                         "-foo",
                                         ".foo",
                                         "a//b",
                                         "a/b/c/d",
                                         "https://qwen3",
                                         "https://registry.ollama.ai/qwen3",
                                         "foo:-x",
                                         "n.s/foo",
                                         std::string(81, 'a'),
                                         "foo:" + std::string(81, 'a'),
                                         "foo" + std::string(1022, ' ')};
    for (const auto& typed : table) {
        EXPECT_FALSE(display_name(typed)) << typed;
    }
}

TEST(model_name, is_compared_without_case_and_with_latest_for_a_missing_tag) {
    EXPECT_TRUE(same_model("qwen3:4b", "QWEN3:4B"));
    EXPECT_TRUE(same_model("qwen3", "qwen3:latest"));
    EXPECT_TRUE(same_model("Library/qwen3", "qwen3"));
    EXPECT_FALSE(same_model("qwen3", "qwen3:4b"));
    EXPECT_FALSE(same_model("bad name", "bad name"));
}

TEST(model_name, that_nobody_has_says_what_may_be_meant_and_what_there_is) {
    EXPECT_EQ(no_such_model("qwen3", {"llama:8b", "qwen3:4b"}),
              "there is no model 'qwen3'; did you mean 'qwen3:4b'?");
    EXPECT_EQ(no_such_model("simm", {"sim:latest"}), "there is no model 'simm'; did you mean 'sim:latest'?");
    EXPECT_EQ(no_such_model("nobody", {"a:1", "b:1"}),
              "there is no model 'nobody'; choose one of these: a:1, b:1");
    EXPECT_EQ(no_such_model("nobody", {}),
              "there is no model 'nobody', nor any other: 'corral search' lists what fits this box, "
              "'corral pull NAME' fetches one");
}

}  // namespace
}  // namespace corral::catalog
