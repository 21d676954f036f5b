// What strangers' files and the loader's own say: nothing of it makes a reader stumble, read beyond or ask
// for more than it promised.

#include "corral/package/file_kind.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/process/elf_file.hpp"
#include "fuzz_input.hpp"
#include "package/files/library_search.hpp"
#include "package/scripts/python_text.hpp"

using namespace corral;
using tests::demand;

namespace {

void read_elf(std::string_view bytes) {
    std::size_t asked = 0;
    const auto found =
        process::read_dynamic([&](std::uint64_t offset, std::size_t most) -> std::optional<std::string> {
            asked += most;
            return offset >= bytes.size() ? std::string()
                                          : std::string(bytes.substr(static_cast<std::size_t>(offset), most));
        });
    demand(asked <= 64U * 1024, "no more than 64 KiB of a program are asked for");
    demand(!found || found->needed.size() <= 64, "libraries are bounded");
    const auto summary = process::parse_elf(bytes);
    demand(!found || summary.has_value(), "who reads the section reads the header");
}

void read_cache(std::string_view bytes) {
    for (const auto& [name, path] : package::parse_loader_cache(bytes)) {
        demand(!name.empty() && path.starts_with('/'), "a library has a name and an absolute path");
    }
}

void read_pointer(std::string_view text) {
    const auto pointer = package::parse_lfs_pointer(text);
    const auto kind = package::find_kind(text, "model.bin");
    demand(pointer.has_value() == (kind == package::file_kind::lfs_pointer), "both know a pointer");
    demand(package::kind_words(kind)[0] != '\0', "each kind has a word");
}

void read_script(std::string_view text) {
    const auto lines = package::python_lines(text);
    demand(lines.size() <= 100'000, "lines are bounded");
    for (const auto& name : package::imported_modules(lines)) {
        demand(
            !name.empty() && name.size() <= 100 &&
                name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                    std::string::npos,
            "a module's name is one");
    }
    for (const auto& name : package::pretrained_names(lines)) {
        demand(!name.empty() && text.find(name) != std::string_view::npos, "no name is made up");
    }
}

// What pip is given: one word, no option, nothing that it would fetch from elsewhere.
void read_requirements(std::string_view text) {
    const auto versions = package::required_versions(text);
    demand(versions.size() <= 1000, "requirements are bounded");
    for (const auto& [name, wanted] : versions) {
        demand(!name.empty() && name.size() <= 100 && package::canonical_name(name) == name && name[0] != '-',
               "a name is one as indexes compare it");
        demand(!wanted.empty() && wanted.size() < 500 &&
                   std::string_view("~=!<>").find(wanted[0]) != std::string_view::npos &&
                   wanted.find_first_of(std::string_view(" \t\r\n\0/:;@'\"$`&|()[]{}\\", 22)) ==
                       std::string::npos,
               "a version is one");
    }
}

void read_name(std::string_view text) {
    const auto tidy = package::tidy_name(text);
    if (tidy) {
        const std::string framed = "/" + *tidy + "/";
        demand(framed.find("/../") == std::string::npos && tidy->front() != '/', "a name stays inside");
        demand(*package::tidy_name(*tidy) == *tidy, "a tidy name is tidy");
    }
    const std::string line = package::shown(text);
    for (const char letter : line) {
        const auto byte = static_cast<unsigned char>(letter);
        demand(byte >= ' ' && byte != 0x7F, "what is shown is one line");
    }
    demand(line.size() <= 160, "what is shown is short");
    if (package::number_pattern_problem(text).empty()) {
        demand(package::expand_number(text, 7).find('%') == std::string::npos, "no '%' is left");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input in(data, size);
    switch (in.choice() % 5) {
        case 0:
            read_elf(in.rest());
            break;
        case 1:
            read_cache(in.rest());
            break;
        case 2:
            read_pointer(in.rest());
            break;
        case 3: {
            const std::string_view text = in.rest();
            read_script(text);
            read_requirements(text);
            break;
        }
        default:
            read_name(in.rest());
            break;
    }
    return 0;
}
