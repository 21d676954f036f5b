#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "chat/personalities.hpp"
#include "fault_catalog.hpp"
#include "process_end.hpp"
#include "programs.hpp"
#include "scenario.hpp"

namespace corral::sim {
namespace {

constexpr const char* usage =
    "usage: corral-sim runtime <vendor flags>\n"
    "       corral-sim tokenizer [--host H] [--port P]\n"
    "       corral-sim axcl-smi [info --cmm] [-d N]\n"
    "       corral-sim npu-smi info [-t health|usages -i N -c N]\n"
    "       corral-sim rknpu-load\n"
    "       corral-sim package DIR [--layers N] [--embed-size N] [--max-token-len T] [--chunk C] [--groups "
    "a,b,c] "
    "[--kv-size N] [--name NAME] [--device-mib N]\n"
    "       corral-sim control SOCKET JSON\n"
    "       corral-sim faults\n";

int dispatch(std::string command, std::vector<std::string> args, const std::string& argv0) {
    const auto name = std::filesystem::path(argv0).filename().string();
    if (name.starts_with("main_api_")) {
        // The name of the original: the whole command line is the vendor's.
        setenv("CORRAL_SIM_BUILD", name == "main_api_ax650" ? "ax650" : "axcl", 0);
        if (!command.empty()) args.insert(args.begin(), command);
        return run_runtime(argv0, args);
    }
    if (name == "axcl-smi") {
        if (!command.empty()) args.insert(args.begin(), command);
        return run_axcl_smi(args);
    }
    if (name == "npu-smi") {
        if (!command.empty()) args.insert(args.begin(), command);
        return run_npu_smi(args);
    }
    if (name.find("tokenizer") != std::string::npos) {
        if (!command.empty()) args.insert(args.begin(), command);
        return run_tokenizer(argv0, args);
    }
    if (const auto* personality = find_personality(name)) {
        if (!command.empty()) args.insert(args.begin(), command);
        return personality->run(args);
    }
    if (const auto* personality = find_personality(command)) return personality->run(args);
    if (command == "runtime") return run_runtime(argv0, args);
    if (command == "tokenizer") return run_tokenizer(argv0, args);
    if (command == "axcl-smi") return run_axcl_smi(args);
    if (command == "npu-smi") return run_npu_smi(args);
    if (command == "rknpu-load") return run_rknpu_load();
    const bool asks_for_help = !args.empty() && (args.front() == "--help" || args.front() == "-h");
    if (command == "package" && !asks_for_help) return run_package(args);
    if (command == "control") return run_control(args);
    if (command == "faults") {
        std::fputs(fault_table_markdown().c_str(), stdout);
        return 0;
    }
    const bool helps = command == "--help" || command == "-h" || asks_for_help;
    auto* where = helps ? stdout : stderr;
    std::fputs(usage, where);
    std::fputs(personalities_usage().c_str(), where);
    return helps ? 0 : 2;
}

}  // namespace

int port_from_environment(int fallback) {
    const char* text = std::getenv("CORRAL_SIM_PORT");
    if (text == nullptr || *text == '\0') return fallback;
    char* end = nullptr;
    const long port = std::strtol(text, &end, 10);
    if (*end != '\0' || port < 0 || port > 65535)
        throw scenario_error(std::string("CORRAL_SIM_PORT must be a port, not '") + text + "'");
    return static_cast<int>(port);
}

std::string address_from_environment(const std::string& fallback) {
    const char* text = std::getenv("CORRAL_SIM_BIND");
    return text == nullptr || *text == '\0' ? fallback : text;
}

}  // namespace corral::sim

int main(int argc, char** argv) {
    corral::sim::forbid_core_dumps();
    const std::string argv0 = argc > 0 ? argv[0] : "corral-sim";
    const std::string command = argc > 1 ? argv[1] : "";
    std::vector<std::string> args;
    for (int i = 2; i < argc; ++i) args.emplace_back(argv[i]);
    try {
        return corral::sim::dispatch(command, args, argv0);
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "corral-sim: %s\n", problem.what());
        corral::sim::leave(2);
    }
}
