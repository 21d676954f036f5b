#include "cli/packages/import_plan.hpp"

#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "catalog/temporary_folder.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/core/utf8.hpp"
#include "package/gguf_bytes.hpp"
#include "package/vendor_tree.hpp"

namespace corral::cli {
namespace {

namespace fs = std::filesystem;
using namespace corral::tests;
using testing::Contains;
using testing::HasSubstr;

// A machine with nothing on it but what a test says.
package::machine machine_of(std::uint16_t elf, bool board, const fs::path& root) {
    package::machine out;
    out.elf_machine = elf;
    out.is_board = board;
    out.root = root;
    return out;
}

class import_place {
public:
    import_place() {
        folder_.write("corral.toml", "profiles = [\"" + std::string(CORRAL_SOURCE_DIR) + "/vendor\"]\n");
        place_ = config::find_configuration((folder_.path() / "corral.toml").string(), {});
        source_.file = place_.file;
    }
    [[nodiscard]] import_plan plan(const fs::path& package, std::uint16_t elf = 183, bool board = false,
                                   import_request asked = {}) const {
        asked.package = package;
        return plan_import(asked, place_, source_, machine_of(elf, board, folder_.path()));
    }
    [[nodiscard]] import_plan plan_for(const fs::path& package, std::string_view machine,
                                       import_request asked) const {
        asked.package = package;
        return plan_import(asked, place_, source_, package::other_machine(machine));
    }
    // The configuration with that manifest beside it, as the daemon reads it.
    [[nodiscard]] std::optional<catalog::model_entry> served(const import_plan& plan) const {
        fs::create_directories(plan.file.parent_path());
        std::ofstream(plan.file) << plan.text;
        const auto read = config::load_configuration(source_);
        EXPECT_TRUE(read.value);
        const auto* const model = read.value ? config::find_model(*read.value, plan.model) : nullptr;
        return model == nullptr ? std::nullopt : std::optional(*model);
    }
    [[nodiscard]] const fs::path& folder() const { return folder_.path(); }

private:
    temporary_folder folder_;
    config::configuration_place place_;
    config::configuration_source source_;
};

std::vector<std::string> ids(const import_plan& of, catalog::severity level = catalog::severity::error) {
    std::vector<std::string> out;
    for (const auto& one : of.findings) {
        if (one.level == level) {
            out.push_back(one.id);
        }
    }
    return out;
}

std::string all_text(const import_plan& of) {
    std::string out;
    for (const auto& one : of.findings) {
        out += one.id + " [" + one.subject + "]: " + one.what + " | " + one.why + " | " + one.fix + "\n";
    }
    return out;
}

struct served_row {
    const polling_package* package;
    std::uint16_t elf;
    bool board;
    const char* name;
    std::vector<std::string> command;  // after the program and the system prompt
    std::vector<std::string> capabilities;
};

std::vector<std::string> words_of(const polling_package& of, const std::vector<std::string>& last) {
    std::vector<std::string> out{"--template_filename_axmodel",
                                 of.models + "/" + of.stem + "_l%d_together.axmodel",
                                 "--axmodel_num",
                                 std::to_string(of.layers),
                                 "--filename_post_axmodel",
                                 of.models + "/" + of.post,
                                 "--filename_tokens_embed",
                                 of.models + "/model.embed_tokens.weight.bfloat16.bin",
                                 "--tokens_embed_num",
                                 std::to_string(of.rows),
                                 "--tokens_embed_size",
                                 std::to_string(of.width),
                                 "--use_mmap_load_embed",
                                 "1",
                                 "--url_tokenizer_model",
                                 "http://127.0.0.1:12345"};
    out.insert(out.end(), last.begin(), last.end());
    return out;
}

TEST(import_plan, manifests_are_served_with_the_words_of_the_vendors_script) {
    const std::vector<std::string> one_card{"--devices", "0"};
    const std::vector<std::string> two_cards{"--devices", "0,1"};
    const served_row rows[] = {
        {&qwen3_4b, 183, false, "qwen3:4b", words_of(qwen3_4b, one_card), {"completion", "tools"}},
        {&qwen3_4b, 62, false, "qwen3:4b", words_of(qwen3_4b, two_cards), {"completion", "tools"}},
        {&qwen3_4b, 183, true, "qwen3:4b", words_of(qwen3_4b, {}), {"completion", "tools"}},
        {&qwen25_1_5b, 183, false, "qwen2.5:1.5b", words_of(qwen25_1_5b, one_card), {"completion", "tools"}},
        {&qwen25_7b, 183, false, "qwen2.5:7b", words_of(qwen25_7b, one_card), {"completion", "tools"}},
        {&deepseek_1_5b,
         183,
         false,
         "deepseek-r1:1.5b",
         words_of(deepseek_1_5b, one_card),
         {"completion", "thinking"}},
    };
    for (const served_row& row : rows) {
        SCOPED_TRACE(std::string(row.name) + (row.board ? " on the board" : row.elf == 62 ? " on x86" : ""));
        const vendor_tree tree(row.package->name);
        fill(tree, *row.package);
        const import_place place;
        const import_plan plan = place.plan(tree.folder(), row.elf, row.board);
        EXPECT_TRUE(plan.writable) << all_text(plan);
        EXPECT_EQ(plan.model, row.name);
        EXPECT_THAT(ids(plan), testing::Not(Contains("manifest.incomplete"))) << all_text(plan) << plan.text;
        const auto model = place.served(plan);
        ASSERT_TRUE(model) << plan.text;
        EXPECT_EQ(model->package, tree.folder());
        EXPECT_EQ(model->capabilities, row.capabilities);
        const auto expanded = catalog::expand_service(*model, model->runtime.services.back(),
                                                      {{"tokenizer", 12345}, {"runtime", 8000}});
        ASSERT_TRUE(expanded) << expanded.error().message;
        ASSERT_GT(expanded->command.size(), 3U);
        EXPECT_EQ(expanded->command[2],
                  "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.");
        EXPECT_EQ(std::vector<std::string>(expanded->command.begin() + 3, expanded->command.end()),
                  row.command);
    }
}

std::string model_head() {
    gguf_bytes out(1, 2);
    out.pair("general.architecture", "qwen2vl");
    out.pair("general.name", "Qwen2.5 VL 3B");
    out.tensor("a", 0);
    return out.text();
}

std::string projector_head(std::string_view key = "clip.has_vision_encoder") {
    gguf_bytes out(1, 2);
    out.pair("general.architecture", "clip");
    out.raw_pair(key, 7, std::string("\1", 1));
    out.tensor("a", 0);
    return out.text();
}

TEST(import_plan, a_projector_beside_a_model_makes_it_one_that_sees) {
    struct row {
        std::vector<std::string> projectors;
        const char* taken;
    };
    const row rows[] = {
        {{"mmproj-model-f16.gguf"}, "mmproj-model-f16.gguf"},
        {{"Qwen2.5-VL-3B-mmproj-Q8_0.gguf"}, "Qwen2.5-VL-3B-mmproj-Q8_0.gguf"},
        {{"vision.gguf"}, "vision.gguf"},
        {{"mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-F32.gguf"}, "mmproj-F16.gguf"},
        {{"mmproj-F16.gguf", "other/mmproj-F16.gguf"}, "mmproj-F16.gguf"},
    };
    for (const row& one : rows) {
        SCOPED_TRACE(one.taken);
        const vendor_tree tree("download");
        tree.large("model-q4_k_m.gguf", 20'000'000, model_head());
        for (const auto& name : one.projectors) {
            tree.large(name, 90'000'000, projector_head());  // larger than the model
        }
        const import_place place;
        const import_plan plan = place.plan(tree.folder());
        const auto model = place.served(plan);
        ASSERT_TRUE(model) << all_text(plan) << plan.text;
        EXPECT_EQ(model->variables.at("model_file"), "model-q4_k_m.gguf");
        EXPECT_EQ(model->variables.at("projector"), one.taken);
        EXPECT_THAT(model->capabilities, Contains("vision"));
        EXPECT_THAT(model->capabilities, Contains("completion"));
        EXPECT_THAT(ids(plan, catalog::severity::note), Contains("gguf.projector")) << all_text(plan);
    }
}

TEST(import_plan, a_model_without_a_projector_for_images_does_not_see) {
    const vendor_tree tree("download");
    tree.large("model-q4_k_m.gguf", 20'000'000, model_head());
    tree.large("mmproj-sound.gguf", 90'000'000, projector_head("clip.has_audio_encoder"));
    const import_place place;
    const import_plan plan = place.plan(tree.folder());
    const auto model = place.served(plan);
    ASSERT_TRUE(model) << all_text(plan) << plan.text;
    EXPECT_EQ(model->variables.at("projector"), "");
    EXPECT_THAT(model->capabilities, testing::Not(Contains("vision")));
    EXPECT_THAT(ids(plan), testing::Not(Contains("variable.empty"))) << all_text(plan);
}

TEST(import_plan, a_projector_alone_is_no_model) {
    for (const std::string name : {"mmproj-F16.gguf", "vision.gguf"}) {
        const vendor_tree tree("download");
        tree.large(name, 90'000'000, projector_head());
        const import_place place;
        const import_plan plan = place.plan(tree.folder());
        EXPECT_FALSE(plan.writable);
        EXPECT_THAT(ids(plan), Contains("gguf.no-model")) << all_text(plan);
    }
}

TEST(import_plan, half_a_projector_is_told) {
    for (const tree_state state : {tree_state::pointers, tree_state::truncated}) {
        const vendor_tree tree("download", state);
        gguf_bytes cut(1, 1);
        cut.pair("general.architecture", "clip");
        cut.tensor("a", 100'000'000);
        tree.text("model-q4_k_m.gguf", model_head() + std::string(2'000'000, 'x'));
        tree.large("mmproj-F16.gguf", 90'000'000, cut.text());
        const import_place place;
        const import_plan plan = place.plan(tree.folder());
        EXPECT_TRUE(plan.writable) << all_text(plan);
        EXPECT_FALSE(plan.startable);
        const auto told = std::ranges::count_if(plan.findings, [](const auto& one) {
            return one.level == catalog::severity::error &&
                   one.what.find("mmproj-F16.gguf") != std::string::npos;
        });
        EXPECT_EQ(told, 1) << all_text(plan);
    }
}

TEST(import_plan, pointers_of_a_package_that_the_catalogue_knows_name_the_pull) {
    const import_place place;
    fs::create_directories(place.folder() / "catalogue.d");
    std::ofstream(place.folder() / "catalogue.d" / "own.toml")
        << "[[models]]\nname = \"mine:4b\"\nfamily = \"qwen3\"\n[[models.packages]]\nboxes = [\"cpu\"]\n"
           "profile = \"axera-poll\"\nhub = \"owner/"
        << qwen3_4b.name << "\"\nlicense = \"MIT\"\nfacts = \"a test\"\n";
    const vendor_tree pointers(qwen3_4b.name, tree_state::pointers);
    fill(pointers, qwen3_4b);
    const import_plan half = place.plan(pointers.folder());
    EXPECT_EQ(half.pull, "mine:4b");
    const auto told = std::ranges::find(half.findings, "file.lfs-pointer", &catalog::finding::id);
    ASSERT_NE(told, half.findings.end());
    EXPECT_EQ(told->fix, "Run: corral pull mine:4b");
    const vendor_tree stranger("strangers", tree_state::pointers);
    fill(stranger, qwen3_4b);
    EXPECT_EQ(place.plan(stranger.folder()).pull, "");
    const vendor_tree whole(qwen3_4b.name);
    fill(whole, qwen3_4b);
    EXPECT_EQ(place.plan(whole.folder()).pull, "");
}

TEST(import_plan, half_downloads_are_written_and_told) {
    for (const polling_package* package : {&qwen3_4b, &qwen25_1_5b, &qwen25_7b, &deepseek_1_5b}) {
        SCOPED_TRACE(package->name);
        const import_place place;
        const vendor_tree pointers(package->name, tree_state::pointers);
        fill(pointers, *package);
        const import_plan half = place.plan(pointers.folder());
        EXPECT_TRUE(half.writable);
        EXPECT_FALSE(half.startable);
        EXPECT_THAT(ids(half), Contains("file.lfs-pointer")) << all_text(half);
        const vendor_tree cut(package->name, tree_state::truncated);
        fill(cut, *package);
        const import_plan truncated = place.plan(cut.folder());
        EXPECT_TRUE(truncated.writable);
        EXPECT_FALSE(truncated.startable);
        EXPECT_THAT(all_text(truncated), HasSubstr("model.embed_tokens.weight.bfloat16.bin"));
    }
}

TEST(import_plan, worst_comes_first_and_nothing_is_said_twice) {
    const vendor_tree tree(minicpm4.name, tree_state::pointers);
    fill(tree, minicpm4);
    const import_place place;
    const import_plan plan = place.plan(tree.folder());
    for (std::size_t i = 1; i < plan.findings.size(); ++i) {
        EXPECT_GE(plan.findings[i - 1].level, plan.findings[i].level);
    }
    std::size_t about_server = 0;
    for (const auto& one : plan.findings) {
        about_server += one.what.find("main_api_axcl_aarch64") == std::string::npos ? 0 : 1;
    }
    EXPECT_EQ(about_server, 1U) << all_text(plan);
}

TEST(import_plan, the_name_that_axllm_wants_to_hear_comes_from_its_own_file) {
    const vendor_tree tree("download");
    fill_axllm(tree);
    const import_place place;
    const import_plan plan = place.plan(tree.folder());
    EXPECT_TRUE(plan.writable) << all_text(plan);
    EXPECT_THAT(plan.text, testing::HasSubstr("profile = \"axllm\""));
    EXPECT_THAT(plan.text, testing::HasSubstr("\nmodel_name = \"AXERA-TECH/Qwen3-0.6B\""));
}

TEST(import_plan, a_mindie_service_is_imported_with_its_weights_and_sizes) {
    const vendor_tree tree("download");
    const vendor_tree weights("qwen3-8b");
    weights.text("config.json", R"({"model_type": "qwen3"})");
    tree.text("conf/config.json",
              R"({"ServerConfig": {"port": 1025}, "BackendConfig": {"npuDeviceIds": [[0, 1]],
                 "ModelDeployConfig": {"maxSeqLen": 2560, "maxInputTokenLen": 2048,
                   "ModelConfig": [{"modelName": "qwen", "worldSize": 2, "modelWeightPath": ")" +
                  weights.folder().string() + R"("}]},
                 "ScheduleConfig": {"maxBatchSize": 200, "maxIterTimes": 512}}})");
    const import_place place;
    const import_plan plan = place.plan(tree.folder());
    ASSERT_TRUE(plan.writable) << all_text(plan);
    EXPECT_THAT(plan.text, testing::HasSubstr("profile = \"mindie\""));
    EXPECT_THAT(plan.text, testing::HasSubstr("package = \"" + weights.folder().string() + "\""));
    for (const char* line : {"served_name = \"qwen\"", "world_size = 2", "npus = \"0,1\"", "context = 2560",
                             "most_input = 2048", "parallel = 200", "most_output = 512"}) {
        EXPECT_THAT(plan.text, testing::HasSubstr(std::string("\n") + line)) << plan.text;
    }
    EXPECT_THAT(plan.text, testing::HasSubstr("service_folder = \"" + tree.folder().string() + "\""));
}

TEST(import_plan, a_mindie_service_without_its_weights_writes_nothing) {
    const vendor_tree tree("download");
    tree.text("conf/config.json", R"({"ServerConfig": {"port": 1025}, "BackendConfig": {}})");
    const import_place place;
    const import_plan plan = place.plan(tree.folder());
    EXPECT_FALSE(plan.writable);
    EXPECT_TRUE(plan.text.empty());
    EXPECT_EQ(ids(plan), std::vector<std::string>{"mindie.weights"}) << all_text(plan);
    EXPECT_FALSE(fs::exists(place.folder() / "models.d"));
}

TEST(import_plan, whatever_a_package_says_becomes_a_manifest_that_can_be_read) {
    const vendor_tree tree("Qwen3-4B \"new\\one\" # \xE4\xBD\xA0");
    fill(tree, qwen3_4b);
    std::string script = run_script(qwen3_4b, "main_api_axcl_x86", "\\\n--devices 0");
    const std::string persona = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
    const std::string other = "Say 'hi' {name}\n= [x] \t# \xE4\xBD\xA0\xE5\xA5\xBD";
    script.replace(script.find(persona), persona.size(), other);
    tree.text("run_qwen3_4b_int8_ctx_axcl_x86_api.sh", script);
    const import_place place;
    const import_plan plan = place.plan(tree.folder());
    ASSERT_TRUE(plan.writable) << all_text(plan);
    const auto model = place.served(plan);
    ASSERT_TRUE(model) << plan.text;
    EXPECT_EQ(model->package, tree.folder());
    EXPECT_EQ(model->variables.at("system_prompt"), other);
}

// A control sequence of one character and an order of writing; then the usual escape and lines of their own,
// which no path of a package may hold.
const std::string sly = std::string("x\xC2\x9B") + "2J\xE2\x80\xAEgpj";
const std::string hostile = sly + "\x1B[8m\r\nprofile = 'evil'\n[services]\n";

// What would do something on a terminal or in an editor; lines end as they do.
std::string hostile_part(std::string_view text) {
    while (!text.empty()) {
        const core::utf8_step step = core::next_utf8(text);
        if (step.kind != core::utf8_kind::whole || (!core::is_printable(step.point) && step.point != '\n')) {
            return std::string(text.substr(0, 40));
        }
        text.remove_prefix(step.length);
    }
    return {};
}

// A package that carries them wherever a vendor may write.
void fill_hostile(const vendor_tree& tree, const std::string& kind) {
    if (kind == "polling") {
        polling_package package = qwen3_4b;
        package.models = "models " + sly;
        fill(tree, package);
        std::string script = run_script(package, "main_api_axcl_x86", "\\\n--devices 0");
        const std::string persona = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
        script.replace(script.find(persona), persona.size(), hostile);
        tree.text("run_qwen3_4b_int8_ctx_axcl_x86_api.sh", script);
        tree.text("run_qwen3_4b_" + hostile + "_axcl_x86_api.sh", script);
    } else if (kind == "gguf") {
        gguf_bytes head(0, 3);
        head.pair("general.architecture", hostile);
        head.pair("general.name", "Qwen3 4B " + hostile);
        head.pair("general.size_label", hostile);
        tree.text("Qwen3-4B " + sly + ".gguf", head.text() + std::string(2'000'000, 'x'));
    } else if (kind == "axllm") {
        fill_axllm(tree);
        nlohmann::json config{{"model_name", hostile},
                              {"tokenizer_type", hostile},
                              {"url_tokenizer_model", "qwen3_tokenizer.txt"},
                              {"template_filename_axmodel", "qwen3_p128_l%d_together.axmodel"},
                              {"axmodel_num", 28},
                              {"filename_post_axmodel", "qwen3_post.axmodel"},
                              {"filename_tokens_embed", "model.embed_tokens.weight.bfloat16.bin"},
                              {"tokens_embed_num", 151936},
                              {"tokens_embed_size", 1024}};
        tree.text("config.json", config.dump());
    } else {
        tree.text("weights/config.json", nlohmann::json{{"model_type", hostile}}.dump());
        nlohmann::json model{{"modelName", hostile},
                             {"worldSize", 1},
                             {"modelWeightPath", (tree.folder() / "weights").string()}};
        nlohmann::json config{{"ServerConfig", {{"port", 1025}}},
                              {"BackendConfig",
                               {{"npuDeviceIds", {{0}}},
                                {"ModelDeployConfig",
                                 {{"maxSeqLen", 2560}, {"ModelConfig", nlohmann::json::array({model})}}}}}};
        tree.text("conf/config.json", config.dump());
    }
    tree.text("README.md", "# Qwen3-4B " + hostile);
}

TEST(import_plan, hostile_characters_of_a_package_stand_in_no_manifest) {
    for (const std::string kind : {"polling", "gguf", "axllm", "mindie"}) {
        SCOPED_TRACE(kind);
        const vendor_tree tree("Qwen3-4B " + hostile);
        fill_hostile(tree, kind);
        const import_place place;
        const import_plan plan = place.plan(tree.folder());
        ASSERT_TRUE(plan.writable) << all_text(plan);
        EXPECT_EQ(hostile_part(plan.text), "") << plan.text;
        EXPECT_NE(plan.text.find("\\u009B"), std::string::npos)
            << "the package's words are in it: " << plan.text;
        EXPECT_EQ(plan.text.find("\nprofile = 'evil'"), std::string::npos) << plan.text;
        const auto model = place.served(plan);
        ASSERT_TRUE(model) << plan.text;
        EXPECT_NE(model->runtime.name, "evil");
        EXPECT_EQ(hostile_part(plan.file.string()), "") << "the file's name";
    }
}

TEST(import_plan, a_manifest_that_is_there_stays_unless_it_may_be_replaced) {
    const vendor_tree tree(qwen3_4b.name);
    fill(tree, qwen3_4b);
    const import_place place;
    const import_plan first = place.plan(tree.folder());
    ASSERT_TRUE(place.served(first));
    const import_plan second = place.plan(tree.folder());
    EXPECT_FALSE(second.writable);
    EXPECT_THAT(ids(second), Contains("import.there"));
    import_request asked;
    asked.replace = true;
    EXPECT_TRUE(place.plan(tree.folder(), 183, false, asked).writable);
    asked.replace = false;
    asked.name = "qwen3:other";
    EXPECT_TRUE(place.plan(tree.folder(), 183, false, asked).writable);
}

// As it is judged on this machine, whatever that is, for one that has nothing of it.
TEST(import_plan, for_another_machine_is_by_its_programs_and_its_folders) {
    const import_place at;
    const vendor_tree image("srv/models/Qwen3-4B");
    fill(image, qwen3_4b);
    const fs::path& package = image.folder();
    import_request asked;
    asked.elsewhere = true;
    asked.root = image.root();
    const import_plan plan = at.plan_for(package, "aarch64", asked);
    EXPECT_TRUE(plan.startable) << all_text(plan);
    EXPECT_THAT(plan.text, HasSubstr("package = \"/srv/models/Qwen3-4B\""));
    EXPECT_THAT(plan.text, HasSubstr("main_api_axcl_aarch64"));
    EXPECT_THAT(plan.text, testing::Not(HasSubstr(asked.root.string())));
    EXPECT_THAT(ids(plan, catalog::severity::note), Contains("import.elsewhere"));
    EXPECT_THAT(at.plan_for(package, "x86_64", asked).text, HasSubstr("main_api_axcl_x86"));
    EXPECT_THAT(at.plan_for(package, "ax650", asked).text, HasSubstr("main_api_ax650"));
}

}  // namespace
}  // namespace corral::cli
