#include "corral/package/package_reader.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/catalog/placeholders.hpp"
#include "package/package_reading.hpp"
#include "package/scripts/flag_binding.hpp"
#include "package/scripts/run_script.hpp"
#include "package/vendor_tree.hpp"

namespace corral::package {
namespace {

using namespace corral::tests;
using testing::HasSubstr;

// The command that the last service of the model would have.
words command_of(const reading& of) {
    catalog::model_entry model = *of.model;
    auto service = model.runtime.services.back();
    service.command.insert(service.command.end(), of.arguments.begin(), of.arguments.end());
    const auto expanded = catalog::expand_service(model, service, {{"tokenizer", 12345}, {"runtime", 8000}});
    EXPECT_TRUE(expanded) << (expanded ? std::string() : expanded.error().message.text());
    return expanded ? expanded->command : words{};
}

words script_words(const vendor_tree& tree, const std::string& script) {
    std::ifstream file(tree.folder() / script);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto commands = parse_run_script(text);
    EXPECT_TRUE(commands && commands->size() == 1);
    return commands ? commands->front().words : words{};
}

// Without the program, and without the flags that are not the package's to say.
std::vector<flag_word> compared(const words& command, const std::vector<std::string>& without) {
    auto flags = flags_of(command);
    std::erase_if(flags, [&](const flag_word& one) {
        return std::find(without.begin(), without.end(), one.name) != without.end();
    });
    return flags;
}

struct argument_row {
    const polling_package* package;
    const machine* here;
    const char* script;  // whose words must come out
    const char* program;
    const char* devices;  // what must be there; "": no such flag
};

const argument_row argument_rows[] = {
    {&qwen3_4b, &pc, "run_qwen3_4b_int8_ctx_axcl_x86_api.sh", "./main_api_axcl_x86", "0,1"},
    {&qwen3_4b, &raspberry_pi, "run_qwen3_4b_int8_ctx_axcl_x86_api.sh", "./main_api_axcl_aarch64", "0"},
    {&qwen3_4b, &board, "run_qwen3_4b_int8_ctx_ax650.sh", "./main_api_ax650", ""},
    {&qwen25_1_5b, &raspberry_pi, "run_qwen2.5_1.5b_ctx_axcl_x86_api.sh", "./main_api_axcl_aarch64", "0"},
    {&qwen25_1_5b, &board, "run_qwen2.5_1.5b_ctx_ax650.sh", "./main_api_ax650", ""},
    {&qwen25_7b, &pc, "run_qwen2.5_7b_ctx_int4_axcl_x86_api.sh", "./main_api_axcl_x86", "0,1"},
    {&deepseek_1_5b, &raspberry_pi, "run_deepseek-r1_1.5b_ctx_axcl_x86_api.sh", "./main_api_axcl_aarch64",
     "0"},
    {&minicpm4, &raspberry_pi, "run_minicpm4_0.5b_int8_ctx_axcl_aarch64.sh", "./main_api_axcl_aarch64", "0"},
};

TEST(package_reader, arguments_are_those_of_the_vendors_own_script) {
    // The address of the tokenizer is Corral's to say; the others are the console program's alone.
    const std::vector<std::string> not_compared{"--url_tokenizer_model", "--devices", "--live_print",
                                                "--tokenizer_type"};
    for (const argument_row& row : argument_rows) {
        SCOPED_TRACE(row.package->name + " " + row.program);
        const vendor_tree tree(row.package->name);
        fill(tree, *row.package);
        const reading found = read(tree.folder(), *row.here);
        ASSERT_TRUE(found.model) << all_text(found);
        const words command = command_of(found);
        ASSERT_FALSE(command.empty());
        EXPECT_EQ(command.front(), row.program);
        EXPECT_EQ(compared(command, not_compared), compared(script_words(tree, row.script), not_compared));
        const auto flags = flags_of(command);
        const std::string* const tokenizer = find_flag(flags, "--url_tokenizer_model");
        ASSERT_NE(tokenizer, nullptr);
        EXPECT_EQ(*tokenizer, "http://127.0.0.1:12345");
        const std::string* const devices = find_flag(flags, "--devices");
        EXPECT_EQ(devices == nullptr ? "" : *devices, row.devices);
    }
}

struct model_row {
    const polling_package* package;
    const char* name;
    const char* family;
    const char* size;
    const char* quantization;
};

TEST(package_reader, polling_packages_give_whole_models) {
    const model_row rows[] = {
        {&qwen3_4b, "qwen3:4b", "qwen3", "4B", "int8"},
        {&qwen25_1_5b, "qwen2.5:1.5b", "qwen2.5", "1.5B", ""},
        {&qwen25_7b, "qwen2.5:7b", "qwen2.5", "7B", "int4"},
        {&deepseek_1_5b, "deepseek-r1:1.5b", "deepseek-r1", "1.5B", ""},
    };
    for (const model_row& row : rows) {
        SCOPED_TRACE(row.name);
        const vendor_tree tree(row.package->name);
        fill(tree, *row.package);
        const reading found = read(tree.folder());
        ASSERT_TRUE(found.model) << all_text(found);
        EXPECT_THAT(ids(found), testing::IsEmpty()) << all_text(found);
        EXPECT_EQ(found.model->name, row.name);
        EXPECT_EQ(found.model->family, row.family);
        EXPECT_EQ(found.model->parameter_size, row.size);
        EXPECT_EQ(found.model->quantization, row.quantization);
        EXPECT_EQ(found.model->context.vocabulary, row.package->rows);
        EXPECT_EQ(found.model->variables.at("layers"), std::to_string(row.package->layers));
        EXPECT_EQ(found.model->variables.at("embedding_size"), std::to_string(row.package->width));
        EXPECT_EQ(found.model->variables.at("tokenizer_script"), row.package->tokenizer);
        EXPECT_EQ(found.model->package_forbids_thinking, row.package->no_think);
        EXPECT_EQ(found.model->package, tree.folder());
        EXPECT_EQ(found.origins.count("variables.layers"), 1U);
    }
}

// A half download is still recognised: what is missing is check_package()'s to say.
TEST(package_reader, pointers_and_truncated_copies_give_the_same_model) {
    for (const polling_package* package : {&qwen3_4b, &qwen25_1_5b, &qwen25_7b, &deepseek_1_5b}) {
        std::optional<catalog::model_entry> whole;
        for (const tree_state state : {tree_state::whole, tree_state::pointers, tree_state::truncated}) {
            const vendor_tree tree(package->name, state);
            fill(tree, *package);
            reading found = read(tree.folder());
            ASSERT_TRUE(found.model) << package->name << all_text(found);
            found.model->package = "same";
            if (!whole) {
                whole = found.model;
            }
            EXPECT_EQ(found.model->variables, whole->variables) << package->name;
            EXPECT_EQ(found.model->name, whole->name);
        }
    }
}

TEST(package_reader, without_scripts_the_files_say_it) {
    for (const tree_state state : {tree_state::whole, tree_state::pointers}) {
        const vendor_tree tree(qwen3_4b.name, state);
        fill(tree, qwen3_4b);
        for (const auto& entry : std::filesystem::directory_iterator(tree.folder())) {
            if (entry.path().extension() == ".sh") {
                std::filesystem::remove(entry.path());
            }
        }
        tree.text("qwen3_tokenizer/config.json", R"({"hidden_size": 2560, "vocab_size": 151936})");
        const reading found = read(tree.folder());
        ASSERT_TRUE(found.model) << all_text(found);
        EXPECT_EQ(found.model->variables.at("layer_files"), "qwen3-4b-ax650/qwen3_p128_l%d_together.axmodel");
        EXPECT_EQ(found.model->variables.at("layers"), "36");
        EXPECT_EQ(found.model->variables.at("post_file"), "qwen3-4b-ax650/qwen3_post.axmodel");
        EXPECT_EQ(found.model->variables.at("embedding_size"), "2560");
        EXPECT_EQ(found.model->context.vocabulary, 151936U);
        EXPECT_EQ(found.arguments.front(), "--devices");
        EXPECT_THAT(all_text(found), HasSubstr("no run script could be used"));
    }
}

TEST(package_reader, a_shape_that_nobody_says_is_told_and_left_to_fill_in) {
    const vendor_tree tree("Qwen3-4B");
    fill(tree, qwen3_4b);
    for (const auto& entry : std::filesystem::directory_iterator(tree.folder())) {
        if (entry.path().extension() == ".sh") {
            std::filesystem::remove(entry.path());
        }
    }
    const reading found = read(tree.folder());
    ASSERT_TRUE(found.model);
    EXPECT_EQ(ids(found), words{"package.incomplete"});
    EXPECT_EQ(found.model->variables.count("embedding_size"), 0U);
    const std::string manifest = manifest_text(found, axera_poll());
    EXPECT_THAT(manifest,
                HasSubstr("# embedding_size = \"\"  # not known from the package: the hidden size"));
    EXPECT_THAT(manifest, HasSubstr("# vocabulary = 151936  # not known"));
}

struct refused_row {
    const char* about;
    const char* from;
    const char* to;
    const char* id;
    const char* says;
};

TEST(package_reader, absurd_words_are_refused_with_a_reason) {
    const refused_row rows[] = {
        {"too many layers", "--axmodel_num 36", "--axmodel_num 999999999", "script.number", "'999999999'"},
        {"fewer than none", "--axmodel_num 36", "--axmodel_num -1", "script.number", "from 1 to 1000"},
        {"no number", "--axmodel_num 36", "--axmodel_num many", "script.number", "'many'"},
        {"beyond any number", "--tokens_embed_num 151936", "--tokens_embed_num 99999999999999999999",
         "script.number", "rows of the embedding"},
        {"no width", "--tokens_embed_size 2560", "--tokens_embed_size 0", "script.number", "width"},
        {"a word for a switch", "--use_mmap_load_embed 1", "--use_mmap_load_embed true", "script.number",
         "'true'"},
        {"out of the package", "--filename_post_axmodel qwen3-4b-ax650", "--filename_post_axmodel ../other",
         "script.path", "../other"},
        {"from the root", "--filename_post_axmodel qwen3", "--filename_post_axmodel /etc/qwen3",
         "script.path", "/etc/qwen3"},
        {"a number twice", "_l%d_", "_l%d%d_", "script.pattern", "exactly one %d"},
        {"another format", "_l%d_", "_l%s_", "script.pattern", "exactly one %d"},
        {"devices", "--devices 0,1", "--devices all", "script.number", "'all'"},
    };
    for (const refused_row& row : rows) {
        SCOPED_TRACE(row.about);
        const vendor_tree tree("Qwen3-4B");
        fill(tree, qwen3_4b);
        std::string script = tests::run_script(qwen3_4b, "main_api_axcl_x86", "\\\n--devices 0,1");
        script.replace(script.find(row.from), std::string(row.from).size(), row.to);
        tree.text("run_qwen3_4b_int8_ctx_axcl_x86_api.sh", script);
        const reading found = read(tree.folder(), pc);
        EXPECT_FALSE(found.model);
        ASSERT_EQ(ids(found), words{row.id}) << all_text(found);
        EXPECT_THAT(all_text(found), HasSubstr(row.says));
        EXPECT_THAT(all_text(found), HasSubstr("run_qwen3_4b_int8_ctx_axcl_x86_api.sh"));
    }
}

TEST(package_reader, a_script_that_only_a_run_could_read_is_told_and_the_next_one_taken) {
    const vendor_tree tree("Qwen3-4B");
    fill(tree, qwen3_4b);
    tree.text("run_all.sh", "set -e\nif [ -d x ]; then ./main_api_axcl_aarch64 --axmodel_num 1; fi\n");
    const reading found = read(tree.folder());
    ASSERT_TRUE(found.model) << all_text(found);
    EXPECT_EQ(found.model->variables.at("layers"), "36");
    EXPECT_EQ(ids(found, catalog::severity::warning), words{"script.not-readable"});
    EXPECT_THAT(all_text(found), HasSubstr("run_all.sh was not used: line 2: 'if'"));
}

TEST(package_reader, options_of_others_are_left_out_and_told) {
    const vendor_tree tree("Qwen3-4B");
    fill(tree, qwen3_4b);
    tree.text("run_qwen3_4b_int8_ctx_axcl_x86_api.sh",
              tests::run_script(qwen3_4b, "main_api_axcl_x86", "\\\n--live_print 1 \\\n--devices 0"));
    const reading found = read(tree.folder(), pc);
    ASSERT_TRUE(found.model);
    EXPECT_EQ(ids(found, catalog::severity::warning), words{"script.unknown-option"});
    EXPECT_EQ(find_flag(flags_of(command_of(found)), "--live_print"), nullptr);
}

TEST(package_reader, a_missing_server_is_to_be_borrowed) {
    const vendor_tree tree(minicpm4.name);
    fill(tree, minicpm4);
    const reading found = read(tree.folder());
    ASSERT_TRUE(found.model);
    EXPECT_EQ(found.model->name, "minicpm4:0.5b");
    EXPECT_EQ(ids(found), words{"package.no-server-program"});
    EXPECT_THAT(all_text(found), HasSubstr("Copy main_api_axcl_aarch64 from another package"));
    EXPECT_EQ(found.model->variables.at("runtime_program"), "./main_api_axcl_aarch64");
}

TEST(package_reader, on_the_board_its_own_memory_is_looked_at) {
    const vendor_tree tree(qwen3_4b.name);
    fill(tree, qwen3_4b);
    const reading on_board = read(tree.folder(), board);
    ASSERT_TRUE(on_board.model);
    EXPECT_EQ(on_board.model->runtime.device.format, "mem-cmm-info");
    EXPECT_TRUE(on_board.arguments.empty());
    EXPECT_THAT(manifest_text(on_board, axera_poll()), HasSubstr("[device]\nformat = \"mem-cmm-info\""));
    const reading on_host = read(tree.folder(), raspberry_pi);
    EXPECT_THAT(manifest_text(on_host, axera_poll()), HasSubstr("LD_LIBRARY_PATH = \"/usr/lib/axcl\""));
}

TEST(package_reader, the_name_is_what_a_person_says) {
    const vendor_tree tree(qwen3_4b.name);
    fill(tree, qwen3_4b);
    read_options how;
    how.name = "My-Model";
    EXPECT_EQ(read(tree.folder(), pc, how).model->name, "My-Model:latest");
    how.name = "no name!";
    const reading refused = read(tree.folder(), pc, how);
    EXPECT_FALSE(refused.model);
    EXPECT_EQ(ids(refused), words{"package.name"});
}

TEST(package_reader, what_is_no_package_says_what_to_do) {
    const vendor_tree tree("Qwen3-4B");
    EXPECT_EQ(ids(read(tree.root() / "nowhere")), words{"package.unreadable"});
    EXPECT_THAT(all_text(read(tree.folder())), HasSubstr("is empty"));
    tree.text("model.gguf", "GGUF");
    const std::filesystem::path file = tree.folder() / "model.gguf";
    EXPECT_THAT(all_text(read(file)),
                HasSubstr("Name the folder that holds it: corral import " + tree.folder().string()));
    std::filesystem::remove(file);
    fill(tree, qwen3_4b);
    const reading above = read(tree.root());
    EXPECT_EQ(ids(above), words{"package.unknown"});
    EXPECT_THAT(all_text(above), HasSubstr("corral import " + tree.folder().string()));
    EXPECT_TRUE(above.kind.empty());
}

TEST(package_reader, nothing_is_written_and_nothing_is_run) {
    const vendor_tree tree("Qwen3-4B");
    fill(tree, qwen3_4b);
    const std::string mark = (tree.root() / "was-run").string();
    tree.text("run_evil.sh", "touch '" + mark + "'\n./main_api_axcl_x86 --axmodel_num 36\n");
    tree.text("setup.py", "open('" + mark + "', 'w')\n");
    const auto listing = [&] {
        std::vector<std::string> out;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.root())) {
            out.push_back(entry.path().string());
        }
        std::sort(out.begin(), out.end());
        return out;
    };
    const auto before = listing();
    (void)read(tree.folder(), pc);
    EXPECT_EQ(listing(), before);
}

}  // namespace
}  // namespace corral::package
