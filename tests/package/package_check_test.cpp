#include "corral/package/package_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "package/whole_package.hpp"

namespace corral::package {
namespace {

namespace fs = std::filesystem;
using catalog::severity;
using testing::HasSubstr;
using tests::whole_package;
using tests::write_large;
using tests::write_text;

std::vector<std::string> ids_of(const std::vector<catalog::finding>& found) {
    std::vector<std::string> out;
    for (const auto& one : found) {
        out.push_back(one.id);
    }
    return out;
}

TEST(package_check, tells_the_worst_first) {
    whole_package p;
    fs::remove(p.folder / "post_config.json");
    fs::remove(p.layer(2));
    EXPECT_THAT(ids_of(check_package(p.model, p.here)),
                testing::ElementsAre("layers.missing", "config.missing"));
}

TEST(package_check, pointers_tell_how_large_their_neighbours_must_be) {
    whole_package p;
    for (const unsigned number : {0U, 1U, 2U, 3U}) {
        write_text(p.layer(number), tests::lfs_pointer_text(90'000'000));
    }
    const auto found = check_package(p.model, p.here);
    ASSERT_THAT(ids_of(found), testing::ElementsAre("file.lfs-pointer", "file.truncated"));
    EXPECT_THAT(found[1].what, HasSubstr("2 files that this model needs"));
    EXPECT_THAT(found[1].what, HasSubstr("neighbours have 90.0 MB"));
}

TEST(package_check, names_the_variable_and_the_line_that_says_it) {
    whole_package p;
    for (const auto& [name, value] : p.model.variables) {
        p.model.said_at[name] = "/etc/corral/models.d/a.toml:" + std::to_string(name.size());
    }
    const auto what_of = [&p](const std::string& id) {
        const auto found = check_package(p.model, p.here);
        const auto one = std::ranges::find(found, id, &catalog::finding::id);
        return one == found.end() ? "no " + id : one->what;
    };
    fs::remove(p.post());
    EXPECT_THAT(what_of("file.missing"),
                testing::EndsWith(" (variable 'post_file' in /etc/corral/models.d/a.toml:9)."));
    p.model.said_at.erase("post_file");
    EXPECT_THAT(what_of("file.missing"), testing::Not(HasSubstr("variable")));
    for (const unsigned number : {0U, 1U}) {
        write_text(p.layer(number), tests::lfs_pointer_text(90'000'000));
    }
    EXPECT_THAT(
        what_of("file.lfs-pointer"),
        testing::EndsWith("together.axmodel' (variable 'layer_files' in /etc/corral/models.d/a.toml:11)."));
    fs::permissions(p.program(), fs::perms::owner_read);
    EXPECT_THAT(what_of("program.not-executable"), HasSubstr("(variable 'runtime_program' in /etc/"));
}

TEST(package_check, looks_only_at_variables_that_a_command_uses) {
    whole_package p;
    for (auto& service : p.model.runtime.services) {
        service.command = {"./my_own_wrapper", "{port}"};
    }
    fs::remove_all(p.folder / "qwen3-4b-ax650");
    EXPECT_TRUE(check_package(p.model, p.here).empty());
}

TEST(package_check, a_variable_without_a_value_is_not_judged) {
    whole_package p;
    p.model.variables.clear();
    EXPECT_TRUE(check_package(p.model, p.here).empty());
}

TEST(package_check, takes_a_program_of_another_package_by_its_absolute_path) {
    whole_package p;
    const fs::path other = p.box.path() / "Qwen3-1.7B/main_api_axcl_aarch64";
    fs::create_directories(other.parent_path());
    fs::rename(p.program(), other);
    p.model.variables["runtime_program"] = other.string();
    EXPECT_TRUE(check_package(p.model, p.here).empty());
    fs::permissions(other, fs::perms::owner_read);
    const auto found = check_package(p.model, p.here);
    ASSERT_EQ(ids_of(found), std::vector<std::string>{"program.not-executable"});
    EXPECT_THAT(found[0].fix, HasSubstr(other.string()));
}

TEST(package_check, an_absolute_path_into_the_package_is_one_of_its_files) {
    whole_package p;
    p.model.variables["post_file"] = p.post().string();
    EXPECT_TRUE(check_package(p.model, p.here).empty());
    fs::remove(p.post());
    EXPECT_EQ(ids_of(check_package(p.model, p.here)), std::vector<std::string>{"file.missing"});
}

TEST(package_check, a_hub_snapshot_of_links_is_whole) {
    whole_package p;
    const fs::path repository = p.box.path() / "hub/models--AXERA-TECH--Qwen3-4B";
    const fs::path snapshot = repository / "snapshots/1f3a";
    fs::create_directories(snapshot.parent_path());
    fs::create_directories(repository / "blobs");
    fs::rename(p.folder, snapshot);
    unsigned number = 0;
    for (const auto& one : fs::recursive_directory_iterator(snapshot)) {
        if (one.is_regular_file() && !one.is_symlink()) {
            const fs::path blob = repository / "blobs" / std::to_string(number++);
            fs::rename(one.path(), blob);
            fs::create_symlink(blob.lexically_relative(one.path().parent_path()), one.path());
        }
    }
    p.model.package = snapshot;
    EXPECT_TRUE(check_package(p.model, p.here).empty());
    fs::remove(fs::canonical(snapshot / "qwen3-4b-ax650/qwen3_post.axmodel"));
    const auto found = check_package(p.model, p.here);
    ASSERT_EQ(ids_of(found), std::vector<std::string>{"path.broken-link"});
    EXPECT_THAT(found[0].fix, HasSubstr("hf download AXERA-TECH/Qwen3-4B"));
}

// Whoever pastes a command runs all of it: a word that is cut in its middle would end its quotes early.
TEST(package_check, commands_hold_whole_names_or_are_not_told) {
    const auto fix_of = [](const std::string& name, bool cloned) {
        whole_package p;
        fs::remove(p.post());
        write_text(p.folder / name, "<!doctype html>\n<html><body>404</body></html>");
        write_text(p.folder / "README.md", "[here](https://huggingface.co/mallory/Qwen3-4B)");
        if (cloned) {
            fs::create_directory(p.folder / ".git");
        }
        p.model.variables["post_file"] = name;
        const auto found = check_package(p.model, p.here);
        EXPECT_EQ(ids_of(found), std::vector<std::string>{"file.html"}) << name;
        return found.empty() ? std::string() : found[0].fix;
    };
    const std::string letters(76, 'A');
    const std::string hostile = letters + "'" + letters + "$(touch pwned)'x.axmodel";
    const std::string quoted = "'" + letters + "'\\''" + letters + "$(touch pwned)'\\''x.axmodel'";
    EXPECT_THAT(fix_of(hostile, false),
                HasSubstr("Run: hf download mallory/Qwen3-4B " + quoted + " --local-dir /"));
    EXPECT_THAT(fix_of(hostile, true), testing::EndsWith(" checkout -- " + quoted));
    const std::string sentence = "Fetch it again from where the package came from.";
    EXPECT_EQ(fix_of(std::string(240, '\'') + ".axmodel", true), sentence) << "too long once it is quoted";
    EXPECT_EQ(fix_of("--local-dir=..", false), sentence) << "an option of the program";
}

TEST(package_check, an_emulator_of_one_machine_runs_no_program_of_another) {
    whole_package p;
    p.here.elf_machine = EM_X86_64;
    p.here.emulated = {EM_S390};
    write_text(p.root / "usr/bin/python3", tests::make_elf({EM_X86_64, ET_EXEC, "", {}, "", "", 5000}));
    fs::permissions(p.root / "usr/bin/python3", fs::perms::owner_all);
    fs::remove(p.library());
    const auto found = check_package(p.model, p.here);
    ASSERT_EQ(ids_of(found), std::vector<std::string>{"program.wrong-architecture"});
}

TEST(package_check, where_programs_are_emulated_a_foreign_library_is_only_a_question) {
    whole_package p;
    p.here.elf_machine = EM_X86_64;
    p.here.emulated = {EM_AARCH64};
    write_text(p.root / "usr/bin/python3", tests::make_elf({EM_X86_64, ET_EXEC, "", {}, "", "", 5000}));
    fs::permissions(p.root / "usr/bin/python3", fs::perms::owner_all);
    EXPECT_TRUE(check_package(p.model, p.here).empty());
    fs::remove(p.library());
    const auto found = check_package(p.model, p.here);
    ASSERT_EQ(ids_of(found), std::vector<std::string>{"program.library-missing"});
    EXPECT_EQ(found[0].level, severity::warning);
    EXPECT_THAT(found[0].fix, HasSubstr("QEMU_LD_PREFIX"));
    // Where the emulator is told of a tree, that is searched.
    write_text(p.box.path() / "arm/usr/lib/axcl/libaxcl_rt.so",
               tests::make_elf({EM_AARCH64, ET_DYN, "", {}, "", "", 1000}));
    for (auto& service : p.model.runtime.services) {
        service.environment["QEMU_LD_PREFIX"] = (p.box.path() / "arm").string();
    }
    EXPECT_TRUE(check_package(p.model, p.here).empty());
}

TEST(package_check, never_starts_a_python_of_the_package) {
    whole_package p;
    bool asked = false;
    p.here.missing_modules = [&](const auto&, const auto&) {
        asked = true;
        return std::optional(std::vector<std::string>{"everything"});
    };
    const std::vector<std::string> own = {"./venv/bin/python", (p.folder / "venv/bin/python").string()};
    for (const auto& python : own) {
        write_text(p.folder / "venv/bin/python",
                   tests::make_elf({EM_AARCH64, ET_EXEC, "", {}, "", "", 5000}));
        fs::permissions(p.folder / "venv/bin/python", fs::perms::owner_all);
        p.model.variables["python"] = python;
        EXPECT_TRUE(check_package(p.model, p.here).empty());
    }
    EXPECT_FALSE(asked);
}

TEST(package_check, an_environment_in_the_package_may_lead_to_the_systems_python) {
    whole_package p;
    p.here.missing_modules = nullptr;
    fs::create_directories(p.folder / "venv/bin");
    fs::create_symlink(p.root / "usr/bin/python3", p.folder / "venv/bin/python3");
    fs::create_symlink("python3", p.folder / "venv/bin/python");
    p.model.variables["python"] = "./venv/bin/python";
    const auto stray = check_package(p.model, p.here);
    ASSERT_FALSE(stray.empty());
    EXPECT_EQ(stray[0].id, "path.outside") << "a link in a folder that is no environment";
    write_text(p.folder / "venv/pyvenv.cfg", "home = /usr/bin\n");
    EXPECT_TRUE(check_package(p.model, p.here).empty());
    fs::remove(p.root / "usr/bin/python3");
    EXPECT_EQ(ids_of(check_package(p.model, p.here)), std::vector<std::string>{"path.broken-link"});
}

TEST(package_check, modules_beside_the_script_are_its_own) {
    whole_package p;
    write_text(p.script(), p.script_text() + "import chat_helpers\nfrom vendor_bits import x\n");
    const auto found = check_package(p.model, p.here);
    ASSERT_EQ(ids_of(found), std::vector<std::string>{"script.module-missing"});
    EXPECT_THAT(found[0].what, HasSubstr("chat_helpers, vendor_bits"));
    write_text(p.folder / "chat_helpers.py", "");
    write_text(p.folder / "vendor_bits/__init__.py", "");
    EXPECT_TRUE(check_package(p.model, p.here).empty());
}

TEST(package_check, modules_are_installed_in_the_versions_that_the_package_lists) {
    whole_package p;
    write_text(p.script(), p.script_text() + "import first_bits\nimport other_bits\nimport PIL\n");
    p.here.missing_modules = [](const auto&, const auto&) {
        return std::optional(std::vector<std::string>{"PIL", "first_bits", "other_bits"});
    };
    write_text(
        p.folder / "requirements.txt",
        "--index-url http://elsewhere.example\nFirst.Bits>=1.2,<2\npillow==10.0\nother_bits==1 --hash=x\n");
    const auto found = examine_package(p.model, p.here);
    ASSERT_EQ(ids_of(found.findings), std::vector<std::string>{"script.module-missing"});
    EXPECT_THAT(found.findings[0].fix,
                HasSubstr("pip install pillow==10.0 'first_bits>=1.2,<2' other_bits &&"));
    ASSERT_EQ(found.repairs.size(), 1U);
    EXPECT_THAT(found.repairs[0].install,
                testing::ElementsAre("pillow==10.0", "first_bits>=1.2,<2", "other_bits"));
}

TEST(package_check, a_script_that_hands_its_arguments_on_is_not_judged_by_its_words) {
    whole_package p;
    write_text(p.script(), "import sys\nimport os\nos.execv(os.environ['X'], sys.argv)\n");
    p.here.missing_modules = nullptr;
    EXPECT_TRUE(check_package(p.model, p.here).empty());
}

TEST(package_check, names_of_a_hostile_package_stay_on_their_line) {
    whole_package p;
    fs::create_symlink("/etc/\n\x1B[31mpasswd", p.folder / "a\nb\x1B[0m");
    const auto found = check_package(p.model, p.here);
    for (const auto& one : found) {
        const std::string line = to_line(one);
        EXPECT_EQ(line.find_first_of("\n\x1B"), std::string::npos) << line;
    }
}

TEST(package_check, text_in_a_file_that_is_called_text_is_no_fault) {
    whole_package p;
    for (auto& variable : p.model.runtime.variables) {
        variable.bytes.clear();
    }
    write_text(p.folder / "qwen_tokenizer.txt", "<|im_start|> 151644\n");
    p.model.variables["embedding_file"] = "qwen_tokenizer.txt";
    EXPECT_TRUE(check_package(p.model, p.here).empty());
    fs::rename(p.folder / "qwen_tokenizer.txt", p.folder / "qwen_tokenizer.bin");
    p.model.variables["embedding_file"] = "qwen_tokenizer.bin";
    EXPECT_EQ(ids_of(check_package(p.model, p.here)), std::vector<std::string>{"file.text-instead"});
}

TEST(package_check, tells_the_exact_command_for_pointers_of_a_clone) {
    whole_package p;
    fs::create_directories(p.folder / ".git");
    write_text(p.post(), tests::lfs_pointer_text(400'000'000));
    const std::string command = "git -C " + p.folder.string() + " lfs pull";
    EXPECT_EQ(check_package(p.model, p.here).at(0).fix, "Run: sudo apt install git-lfs && " + command);
    write_text(p.root / "usr/bin/git-lfs", "");
    EXPECT_EQ(check_package(p.model, p.here).at(0).fix, "Run: " + command);
}

// Root may read everything, so it is somebody else meanwhile.
class somebody {
public:
    somebody() : before_(::geteuid()) {
        if (before_ == 0) {
            EXPECT_EQ(::seteuid(65534), 0);
            // Else /proc/self would be root's.
            EXPECT_EQ(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
        }
    }
    somebody(const somebody&) = delete;
    somebody& operator=(const somebody&) = delete;
    ~somebody() { EXPECT_EQ(::seteuid(before_), 0); }

private:
    uid_t before_;
};

TEST(package_check, tells_what_this_user_may_not_read) {
    whole_package p;
    const auto everybody = fs::perms::owner_all | fs::perms::group_all | fs::perms::others_all;
    for (const auto& one : fs::recursive_directory_iterator(p.box.path())) {
        fs::permissions(one.path(), everybody);
    }
    fs::permissions(p.box.path(), everybody);
    fs::permissions(p.post(), fs::perms::none);
    {
        const somebody else_is_here;
        const auto found = check_package(p.model, p.here);
        ASSERT_EQ(ids_of(found), std::vector<std::string>{"file.unreadable"});
        EXPECT_THAT(found[0].what, HasSubstr("qwen3_post.axmodel' can't be read by this user"));
    }
    fs::permissions(p.folder, fs::perms::none);
    {
        const somebody else_is_here;
        EXPECT_EQ(ids_of(check_package(p.model, p.here)), std::vector<std::string>{"package.closed"});
    }
    fs::permissions(p.folder, everybody);
}

TEST(package_check, a_real_program_of_this_system_has_all_it_needs) {
    whole_package p;
    p.here = this_machine();
    fs::remove(p.program());
    fs::copy_file(fs::canonical("/bin/ls"), p.program());
    for (const auto& one : check_package(p.model, p.here)) {
        EXPECT_FALSE(one.id.starts_with("program.")) << one.id << ": " << to_line(one);
    }
}

// A folder with a quantization beside another, one of them in parts.
TEST(model_bytes, are_those_of_the_files_that_the_model_names) {
    whole_package p;
    p.model.runtime.variables.clear();
    catalog::variable_spec file;
    file.name = "model_file";
    file.kind = catalog::variable_kind::file;
    file.least_bytes = 10;
    p.model.runtime.variables.push_back(file);
    write_text(p.folder / "a-q4.gguf", std::string(100, 'x'));
    write_text(p.folder / "a-q8-00001-of-00003.gguf", std::string(20, 'x'));
    write_text(p.folder / "a-q8-00002-of-00003.gguf", std::string(30, 'x'));
    p.model.variables["model_file"] = "a-q4.gguf";
    EXPECT_EQ(model_bytes(p.model), 100U);
    EXPECT_EQ(device_bytes(p.model), 0U) << "nothing is for the accelerator";
    p.model.variables["model_file"] = "a-q8-00001-of-00003.gguf";
    EXPECT_EQ(model_bytes(p.model), 0U) << "the third part is not there";
    write_text(p.folder / "a-q8-00003-of-00003.gguf", std::string(40, 'x'));
    EXPECT_EQ(model_bytes(p.model), 90U);
    for (const char* odd :
         {"a-q8-00001-of-99999.gguf", "a-q8-00001-of-.gguf", "-00001-of-", "../a-q4.gguf", ""}) {
        p.model.variables["model_file"] = odd;
        EXPECT_EQ(model_bytes(p.model), 0U) << odd;
    }
}

TEST(device_bytes, are_those_of_layers_and_post) {
    whole_package p;
    EXPECT_EQ(device_bytes(p.model), 6 * whole_package::layer_bytes + 3 * 4096 + 4'000'000);
    p.model.variables["layers"] = "999999999";
    EXPECT_EQ(device_bytes(p.model), 0U);
    p.model.variables["layers"] = "6";
    write_text(p.layer(3), tests::lfs_pointer_text(90'000'000));
    EXPECT_EQ(device_bytes(p.model), 0U) << "a pointer has another size than its file";
    p.model.variables["layers"] = "7";
    EXPECT_EQ(device_bytes(p.model), 0U) << "a part would be taken for the whole";
    p.model.package = p.box.path() / "nothing";
    EXPECT_EQ(device_bytes(p.model), 0U);
}

}  // namespace
}  // namespace corral::package
