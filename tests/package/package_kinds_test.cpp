// Packages of other kinds than the polling server's: known as what they are, also by halves, and served where
// a profile does.

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "package/gguf_bytes.hpp"
#include "package/package_reading.hpp"
#include "package/vendor_tree.hpp"

namespace corral::package {
namespace {

using namespace corral::tests;
using testing::HasSubstr;

struct kind_row {
    const char* about;
    void (*fill)(const vendor_tree&);
    const char* kind;
    const char* profile;
    const char* id;
    const char* says;
};

std::string safetensors_file() {
    return std::string("\x02\0\0\0\0\0\0\0{}", 10) + std::string(200, 'x');
}

const kind_row kind_rows[] = {
    {"a vision model", fill_vision, "pictures", "", "package.not-served", "no profile of Corral serves"},
    {"axllm", fill_axllm, "axllm serve", "axllm", "package.profile-missing",
     "'axllm', which is not installed"},
    {"an old tokenizer",
     [](const vendor_tree& tree) {
         polling_package old = deepseek_1_5b;
         old.tokenizer = "deepseek-r1_tokenizer.py";
         old.servers = false;
         fill(tree, old);
     },
     "before the polling server", "", "package.old-tokenizer", "without identities"},
    {"hailo-ollama",
     [](const vendor_tree& tree) { tree.text("models/manifests/qwen2/1.5b/manifest.json", "{}"); },
     "hailo-ollama", "hailo-ollama", "package.profile-missing", "which is not installed"},
    {"RKLLM", [](const vendor_tree& tree) { tree.large("Qwen3-4B-rk3588-w8a8.rkllm", 50'000'000, "rk"); },
     "RKLLM", "rkllm-flask", "package.profile-missing", "qwen3:4b, w8a8"},
    {"GGUF",
     [](const vendor_tree& tree) {
         gguf_bytes head(1, 3);
         head.pair("general.architecture", "qwen3");
         head.pair("general.name", "Qwen3 4B");
         head.pair("qwen3.context_length", std::uint32_t{40960});
         head.tensor("a", 0);
         tree.large("model.gguf", 50'000'000, head.text());
     },
     "GGUF", "llama-server", "package.profile-missing", "context length 40960"},
    {"safetensors",
     [](const vendor_tree& tree) {
         tree.text(
             "config.json",
             R"({"architectures": ["Qwen3ForCausalLM"], "hidden_size": 2560, "max_position_embeddings": 40960})");
         tree.text("model-00001-of-00001.safetensors", safetensors_file());
     },
     "safetensors", "vllm-ascend", "package.profile-missing", "context length 40960"},
    {"MindIE",
     [](const vendor_tree& tree) {
         tree.text(
             "conf/config.json",
             R"({"ServerConfig": {"port": 1025}, "BackendConfig": {"ModelDeployConfig": {"maxSeqLen": 2560}}})");
     },
     "MindIE", "mindie", "package.profile-missing", "maxSeqLen 2560"},
};

TEST(package_kinds, other_kinds_are_recognised_as_such) {
    for (const kind_row& row : kind_rows) {
        SCOPED_TRACE(row.about);
        const vendor_tree tree("download");
        row.fill(tree);
        const reading found = read(tree.folder());
        EXPECT_THAT(found.kind, HasSubstr(row.kind));
        EXPECT_EQ(found.profile, row.profile);
        EXPECT_FALSE(found.model);
        EXPECT_EQ(ids(found), words{row.id}) << all_text(found);
        EXPECT_THAT(all_text(found), HasSubstr(row.says));
    }
}

TEST(package_kinds, half_downloads_of_other_kinds_are_told_too) {
    for (const tree_state state : {tree_state::pointers, tree_state::truncated}) {
        for (const auto& make : {fill_vision, fill_axllm}) {
            const vendor_tree tree("download", state);
            make(tree);
            const reading found = read(tree.folder());
            EXPECT_FALSE(found.model);
            const auto told = ids(found);
            EXPECT_THAT(told, testing::Contains(state == tree_state::pointers ? "file.lfs-pointer"
                                                                              : "file.truncated"))
                << all_text(found);
        }
    }
    gguf_bytes head(1, 1);
    head.pair("general.architecture", "qwen3");
    head.tensor("a", 100'000'000);
    const vendor_tree tree("download");
    tree.large("model.gguf", 50'000'000, head.text());
    EXPECT_THAT(ids(read(tree.folder())), testing::Contains("file.truncated"));
}

TEST(package_kinds, a_file_below_the_folder_is_of_the_package_inside) {
    for (const std::string name : {"Qwen3-4B-Q4_K_M.gguf", "Qwen3-4B-rk3588-w8a8.rkllm"}) {
        const vendor_tree tree("models");
        tree.large("Qwen3-4B/" + name, 50'000'000, "GGUF");
        tree.text("other/README.md", "");
        const reading found = read(tree.folder());
        EXPECT_EQ(found.kind, "") << name;
        EXPECT_THAT(all_text(found), HasSubstr("There is a package inside; try: corral import " +
                                               (tree.folder() / "Qwen3-4B").string()));
    }
}

TEST(package_kinds, which_of_several_files_was_taken_is_told) {
    const vendor_tree one("parts");
    for (const char* part : {"a-00001-of-00003.gguf", "a-00002-of-00003.gguf", "a-00003-of-00003.gguf"}) {
        one.large(part, 50'000'000, "GGUF");
    }
    EXPECT_THAT(all_text(read(one.folder())), testing::Not(HasSubstr("was chosen from")));
    for (const std::string ending : {".gguf", ".rkllm"}) {
        const vendor_tree two("models");
        two.large("a-Q4" + ending, 40'000'000, "GGUF");
        two.large("a-Q8" + ending, 50'000'000, "GGUF");
        EXPECT_THAT(all_text(read(two.folder())),
                    HasSubstr("a-Q8" + ending + " was chosen from the 2 models in this folder."));
    }
}

TEST(package_kinds, a_kind_with_a_profile_of_its_own_is_served) {
    const auto axllm = catalog::parse_profile(R"(
name = "axllm"
dialect = "openai"
[variables.model_name]
about = "the name that the server wants to hear"
[[services]]
name = "runtime"
command = ["axllm", "serve", "{package}", "--port", "{port}", "--name", "{model_name}"]
probe = { target = "/health" }
stop_loading = [{ signal = "SIGKILL", to = "group", grace = "5s" }]
stop_ready = [{ signal = "SIGKILL", to = "group", grace = "5s" }]
)",
                                              "axllm");
    ASSERT_TRUE(axllm.value) << catalog::to_text(axllm.errors.front());
    const vendor_tree tree("Qwen3-0.6B");
    fill_axllm(tree);
    read_options how;
    how.profiles = [&](const std::string&) { return &*axllm.value; };
    const reading found = read_package(tree.folder(), raspberry_pi, how);
    ASSERT_TRUE(found.model) << all_text(found);
    EXPECT_EQ(found.model->name, "qwen3:0.6b");
    EXPECT_EQ(found.model->variables.at("model_name"), "AXERA-TECH/Qwen3-0.6B");
    EXPECT_EQ(found.model->context.vocabulary, 151936U);
    EXPECT_THAT(found.notes, testing::Contains(HasSubstr("kv_cache_slots")));
    std::ifstream file(tree.folder() / "config.json");
    std::string config(std::istreambuf_iterator<char>(file), {});
    config.insert(1, R"("is_embedding": true, "kv_cache_slots": 8, )");
    tree.text("config.json", config);
    const reading vectors = read_package(tree.folder(), raspberry_pi, how);
    ASSERT_TRUE(vectors.model) << all_text(vectors);
    EXPECT_THAT(vectors.model->capabilities, testing::ElementsAre("embedding"));
    EXPECT_THAT(vectors.notes, testing::Not(testing::Contains(HasSubstr("kv_cache_slots"))));
}

// Manifests of all models come with the server; the one that was pulled is served, and by no other folder's name.
TEST(package_kinds, hailos_folder_serves_the_model_that_was_pulled) {
    const auto runtime = catalog::parse_profile(R"(
name = "hailo-ollama"
dialect = "ollama"
[variables.model_name]
about = "the name there"
[[services]]
name = "runtime"
command = ["hailo-ollama"]
port = 8000
probe = { target = "/api/version" }
stop_loading = [{ signal = "SIGKILL", to = "group", grace = "5s" }]
stop_ready = [{ signal = "SIGKILL", to = "group", grace = "5s" }]
)",
                                                "hailo-ollama");
    ASSERT_TRUE(runtime.value) << catalog::to_text(runtime.errors.front());
    read_options how;
    how.profiles = [&](const std::string&) { return &*runtime.value; };
    for (const char* folder : {"hailo-ollama", "models-of-hailo"}) {
        const vendor_tree tree(folder);
        tree.text("models/manifests/qwen2/1.5b/manifest.json", R"({"hef_h10h": "aa"})");
        tree.text("models/manifests/qwen2.5-instruct/1.5b/manifest.json",
                  R"({"hef_h10h": "bb", "details": {"quantization_level": "Q4_0"}})");
        const reading empty = read_package(tree.folder(), raspberry_pi, how);
        EXPECT_FALSE(empty.model);
        EXPECT_THAT(all_text(empty), HasSubstr("a model that was pulled"));
        tree.large("models/blob/sha256_bb", 50'000'000);
        const reading found = read_package(tree.folder(), raspberry_pi, how);
        if (std::string_view(folder) != "hailo-ollama") {
            EXPECT_FALSE(found.model);
            EXPECT_THAT(all_text(found), HasSubstr("must be hailo-ollama"));
            continue;
        }
        ASSERT_TRUE(found.model) << all_text(found);
        EXPECT_EQ(found.model->name, "qwen2.5:1.5b");
        EXPECT_EQ(found.model->variables.at("model_name"), "qwen2.5-instruct:1.5b");
    }
}

}  // namespace
}  // namespace corral::package
