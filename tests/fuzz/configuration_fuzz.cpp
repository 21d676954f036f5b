// The configuration as a whole: its file, a profile and a manifest of any bytes are settings, or complaints that say where;
// nothing ends the process, and the same bytes are read the same.
//
// The parts of an input stand between lines of "%%": the file, the profile "fuzzed", the manifest, OLLAMA_HOST.
// Profiles that ship can be named too.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "corral/config/configuration.hpp"
#include "corral/package/package_check.hpp"
#include "fuzz_input.hpp"

using namespace corral;
using tests::demand;

// The files of packages are another target's.
std::uint64_t package::device_bytes(const catalog::model_entry& /*model*/) {
    return 0;
}
std::uint64_t package::model_bytes(const catalog::model_entry& /*model*/) {
    return 0;
}

namespace {

namespace fs = std::filesystem;

class folder {
public:
    folder() {
        char name[] = "/tmp/corral_fuzz_XXXXXX";
        path_ = ::mkdtemp(name);
        fs::create_directories(path_ / "vendor/fuzzed");
        fs::create_directories(path_ / "models.d");
        fs::create_directories(path_ / "package");
        fs::copy(CORRAL_SOURCE_DIR "/vendor", path_ / "vendor", fs::copy_options::recursive);
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    void write(const char* file, std::string_view text) const { std::ofstream(path_ / file) << text; }
    [[nodiscard]] fs::path operator/(const char* file) const { return path_ / file; }

private:
    fs::path path_;
};

std::string_view next_part(std::string_view& rest) {
    constexpr std::string_view mark = "\n%%\n";
    const std::size_t at = rest.find(mark);
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + mark.size());
    return part;
}

std::string told(const std::vector<catalog::diagnostic>& all) {
    std::string out;
    for (const catalog::diagnostic& one : all) {
        demand(!one.message.empty(), "a complaint says what is wrong");
        out += catalog::to_text(one) + '\n';
    }
    return out;
}

std::string read(const config::configuration_source& from) {
    const config::configuration_result got = config::load_configuration(from);
    demand(got.value.has_value() == got.errors.empty(), "settings, or complaints");
    std::string out = told(got.errors) + told(got.warnings);
    if (got.value) {
        for (const catalog::model_entry& model : got.value->models) {
            const bool elsewhere = model.runtime.dialect == "ollama-remote";
            demand(!model.name.empty() && (elsewhere || !model.runtime.services.empty()),
                   "a model is elsewhere, or can be started");
            demand(config::find_model(*got.value, model.name) != nullptr, "a model is found by its name");
            out += model.name + '\n';
        }
        for (const config::left_out_manifest& one : got.value->left_out) {
            demand(!one.problems.empty(), "what is left out has a reason");
            out += told(one.problems);
        }
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const folder place;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    place.write("c.toml", next_part(rest));
    place.write("vendor/fuzzed/profile.toml", next_part(rest));
    place.write("models.d/a.toml", next_part(rest));
    config::configuration_source from;
    from.file = place / "c.toml";
    from.environment = {{"HOME", "/nowhere"}, {"OLLAMA_HOST", std::string(rest.substr(0, 64))}};
    const std::string first = read(from);
    demand(first == read(from), "the same bytes are read the same");
    return 0;
}
