#include <algorithm>

#include "package/broken_packages.hpp"

namespace corral::tests {

namespace {

namespace fs = std::filesystem;
using catalog::severity;

void cut(const fs::path& file, std::uint64_t size) {
    fs::resize_file(file, size);
}

elf_wish changed(const std::function<void(elf_wish&)>& change) {
    elf_wish wish = whole_package::vendor_program();
    change(wish);
    return wish;
}

}  // namespace

const std::vector<way>& program_ways() {
    static const std::vector<way> all = {
        {"the program is for a PC",
         [](auto& p) { p.model.variables["runtime_program"] = "./main_api_axcl_x86"; },
         "program.wrong-architecture",
         {"built for x86-64", "this machine is aarch64", "./main_api_axcl_aarch64"}},
        {"the program is cut off",
         [](auto& p) { cut(p.program(), 90'000); },
         "program.truncated",
         {"90.0 kB"}},
        {"the program is an object file",
         [](auto& p) { p.write_program(changed([](auto& w) { w.type = ET_REL; })); },
         "program.object-file",
         {"object file"}},
        {"the program is a library",
         [](auto& p) { p.write_program(changed([](auto& w) { w.loader.clear(); })); },
         "program.is-library",
         {"shared library, not a program"}},
        {"the execute bit is missing",
         [](auto& p) { fs::permissions(p.program(), fs::perms::owner_read | fs::perms::owner_write); },
         "program.not-executable",
         {"Run: chmod +x /", "main_api_axcl_aarch64"}},
        {"the program is of another C library",
         [](auto& p) { p.write_program(changed([](auto& w) { w.loader = "/lib/ld-musl-aarch64.so.1"; })); },
         "program.loader-missing",
         {"ld-musl-aarch64.so.1"}},
        {"the card's driver is not installed",
         [](auto& p) { fs::remove(p.library()); },
         "program.library-missing",
         {"'libaxcl_rt.so'", "axcl driver package"}},
        {"the board's program on a host",
         [](auto& p) {
             p.write_program(changed([](auto& w) {
                 w.needed = {"libax_engine.so", "libax_sys.so", "libc.so.6"};
             }));
         },
         "program.library-missing",
         {"'libax_engine.so' and 1 more"}},
        {"a library of a library is missing",
         [](auto& p) {
             write_text(p.library(),
                        tests::make_elf({EM_AARCH64, ET_DYN, "", {"libspdlog.so.1.14"}, "", "", 1000}));
         },
         "program.library-missing",
         {"libspdlog.so.1.14"}},
        {"the environment does not name the driver's folder",
         [](auto& p) {
             for (auto& s : p.model.runtime.services) {
                 s.environment.erase("LD_LIBRARY_PATH");
             }
         },
         "program.library-not-searched",
         {"LD_LIBRARY_PATH = \"/usr/lib/axcl\""}},
        {"the driver is another machine's",
         [](auto& p) {
             write_text(p.library(), tests::make_elf({EM_X86_64, ET_DYN, "", {}, "", "", 1000}));
         },
         "program.library-wrong-machine",
         {"libaxcl_rt.so", "another machine"}},
        {"the program is named without ./",
         [](auto& p) { p.model.variables["runtime_program"] = "main_api_axcl_aarch64"; },
         "program.not-in-path",
         {"Write './main_api_axcl_aarch64'"}},
        {"there is no Python",
         [](auto& p) {
             p.model.variables["python"] = "python3.99";
             p.here.missing_modules = nullptr;
         },
         "program.not-in-path",
         {"python3.99"}},
        {"the program is a note",
         [](auto& p) { write_text(p.program(), "This file is too large for our mirror."); },
         "program.not-a-program",
         {"plain text"}},
        {"the program is the mirror's refusal",
         [](auto& p) { write_text(p.program(), "Invalid username or password."); },
         "file.hub-error",
         {"main_api_axcl_aarch64"}},
        {"the program is a pointer",
         [](auto& p) { write_text(p.program(), lfs_pointer_text(1'816'560)); },
         "file.lfs-pointer",
         {"main_api_axcl_aarch64", "the real one has 1.8 MB", "git-lfs"}},
        {"the program is a script for a shell that is not there",
         [](auto& p) { write_text(p.program(), "#!/opt/none/sh\n"); },
         "program.interpreter-missing",
         {"/opt/none/sh"}},
    };
    return all;
}

const std::vector<way>& script_ways() {
    static const std::vector<way> all = {
        {"the tokenizer script is not there",
         [](auto& p) { fs::remove(p.script()); },
         "file.missing",
         {"qwen3_tokenizer_uid.py"}},
        {"the tokenizer script is a page",
         [](auto& p) { write_text(p.script(), "<html><title>404</title></html>"); },
         "file.html",
         {"qwen3_tokenizer_uid.py"}},
        {"the tokenizer is of the older family",
         [](auto& p) { write_text(p.script(), replaced(p.script_text(), "'/get_uid', ", "")); },
         "script.wrong-generation",
         {"get_uid"}},
        {"the tokenizer has no --port",
         [](auto& p) { write_text(p.script(), replaced(p.script_text(), "--port", "-p")); },
         "script.option-unknown",
         {"--port"}},
        {"transformers is not installed",
         [](auto& p) {
             p.here.missing_modules = [](const auto&, const auto&) {
                 return std::optional(std::vector<std::string>{"transformers"});
             };
         },
         "script.module-missing",
         {"module transformers", "/opt/corral-python/bin/pip install transformers"}},
        {"the module that fills in templates is not installed",
         [](auto& p) {
             p.here.missing_modules = [](const auto&, const auto& asked) {
                 std::vector<std::string> out;
                 std::copy_if(asked.begin(), asked.end(), std::back_inserter(out),
                              [](const auto& one) { return one == "jinja2"; });
                 return std::optional(out);
             };
         },
         "script.module-missing",
         {"pip install jinja2"}},
        {"the tokenizer's folder is not there",
         [](auto& p) { fs::rename(p.folder / "qwen3_tokenizer", p.folder / "tokenizer"); },
         "script.folder-missing",
         {"'qwen3_tokenizer'"}},
        {"the tokenizer script is no text",
         [](auto& p) { write_large(p.script(), 5000); },
         "script.not-text",
         {"not the text of a Python script"}},
        {"there is no post_config.json",
         [](auto& p) { fs::remove(p.folder / "post_config.json"); },
         "config.missing",
         {"post_config.json"},
         severity::warning},
        {"post_config.json is cut off",
         [](auto& p) { write_text(p.folder / "post_config.json", p.post_config().substr(0, 100)); },
         "config.malformed",
         {"not JSON"}},
        {"post_config.json lacks keys",
         [](auto& p) {
             write_text(p.folder / "post_config.json",
                        replaced(p.post_config(), "\"top_k\": 1", "\"top_k\": null"));
         },
         "config.keys-missing",
         {"the key 'top_k'"}},
        {"tokenizer.json is a pointer",
         [](auto& p) {
             write_text(p.folder / "qwen3_tokenizer/tokenizer.json", lfs_pointer_text(11'422'654));
         },
         "file.lfs-pointer",
         {"tokenizer.json", "11.4 MB"}},
        {"tokenizer.json is cut off",
         [](auto& p) {
             write_text(p.folder / "qwen3_tokenizer/tokenizer.json", R"({"version": "1.0", "model": {"vo)");
         },
         "json.truncated",
         {"tokenizer.json"}},
        {"vocab.json is no JSON",
         [](auto& p) { write_text(p.folder / "qwen3_tokenizer/vocab.json", "{ ! : 0 }"); },
         "json.malformed",
         {"vocab.json"}},
    };
    return all;
}

}  // namespace corral::tests
