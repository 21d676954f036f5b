#include "runtime/model_loader.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <random>
#include <thread>

#include "device/simulated_device.hpp"
#include "process_end.hpp"
#include "runtime/model_files.hpp"
#include "runtime/vendor_log.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// Source lines of the two builds.
struct init_lines {
    int start, max_token_len, kv_cache, prefill, group, prefill_max, ok;
};
constexpr init_lines axcl_lines{130, 221, 224, 232, 236, 240, 263};
constexpr init_lines ax650_lines{110, 188, 193, 201, 205, 209, 218};

class loader {
public:
    loader(const vendor_flags& flags, const scenario& settings, fault_switches& faults,
           tokenizer_client& tokenizer)
        : flags_(flags),
          settings_(settings),
          faults_(faults),
          tokenizer_(tokenizer),
          axcl_(settings.build == "axcl"),
          lines_(axcl_ ? axcl_lines : ax650_lines),
          bar_(flags.axmodel_num + 3, "count") {}

    loaded_model load() {
        log_line(log_level::info, "Init", lines_.start, "LLM init start");
        start_tokenizer();
        open_embedding();
        if (axcl_) start_workers();
        if (flags_.axmodel_num <= 0) die_by_signal(SIGSEGV);
        load_layers();
        load_post();
        report_geometry();
        if (axcl_) report_cards();
        load_post_config();
        log_line(log_level::info, "Init", lines_.ok, "LLM init ok");
        return result_;
    }

private:
    [[noreturn]] void fail() {
        if (device_) device_->give_back();
        log_line(log_level::error, "main", 531, "lLaMa.Init failed");
        if (workers_started_)
            for (int id : flags_.devices)
                log_line(log_level::info, "run", 80, "AXCLWorker exit with devid %d", id);
        leave(255);
    }

    void start_tokenizer() {
        if (!tokenizer_.init()) {
            log_line(log_level::error, "Init", 136, "tokenizer.Init(%s) failed",
                     flags_.url_tokenizer_model.c_str());
            fail();
        }
        tokenizer_.reset(flags_.system_prompt);  // the tokens are thrown away
        bar_.update(++loaded_, "tokenizer init ok");
    }

    void open_embedding() {
        const auto& path = flags_.filename_tokens_embed;
        const bool mmap = flags_.use_mmap_load_embed;
        const long long wanted = 2LL * flags_.tokens_embed_num * flags_.tokens_embed_size;
        auto size = faults_.active("start_embed_missing") ? std::nullopt : file_size(path);
        if (const auto fault = faults_.fire("start_embed_size")) size = fault->value("size", 132);
        if (!size || *size != wanted) {
            if (!size)
                log_line(log_level::error, "Init", mmap ? 29 : 57, "embed file(%s) open failed",
                         path.c_str());
            else
                log_line(log_level::error, "Init", mmap ? 39 : 67,
                         "embed file(%s) size(%lld) not equal token_num(%d) * embed_size(%d) * 2",
                         path.c_str(), *size, flags_.tokens_embed_num, flags_.tokens_embed_size);
            log_line(log_level::error, "Init", 156, "embed_selector.Init(%s, %d, %d) failed", path.c_str(),
                     flags_.tokens_embed_num, flags_.tokens_embed_size);
            fail();
        }
        if (mmap) log_line(log_level::info, "Init", axcl_ ? 45 : 26, "LLaMaEmbedSelector use mmap");
        bar_.update(++loaded_, "embed_selector init ok");
        if (axcl_) std::fputc('\n', stdout);
    }

    void start_workers() {
        for (int id : flags_.devices) {
            log_line(log_level::info, "run", 30, "AXCLWorker start with devid %d", id);
            bool bad = true;
            if (const auto fault = faults_.fire("start_handshake")) {
                std::this_thread::sleep_for(std::chrono::milliseconds(fault->value("ms", 1000)));
                log_line(log_level::error, "Run", 373, "AXCLWorker initialization timeout");
            } else if (cards() == 0 || faults_.fire("start_no_device")) {
                log_line(log_level::error, "run", 35, "Get AXCL device failed{0x%8x}, find total %d device.",
                         0, 0);
            } else if (id >= cards()) {
                log_line(log_level::error, "run", 41, "Invalid AXCL device id %d, find total %d device.", id,
                         cards());
            } else if (faults_.fire("start_set_device")) {
                log_line(log_level::error, "run", 50, "Set AXCL device failed{0x%8x}.", 1);
            } else {
                bad = false;
            }
            if (!bad) continue;
            log_line(log_level::error, "Init", 176, "axcl_Init(%d) failed", id);
            fail();
        }
        workers_started_ = true;
    }

    // One share of the load time, then the child that reads the free device memory.
    void spend_model_time() {
        const int models = flags_.axmodel_num + 1;
        std::this_thread::sleep_for(std::chrono::microseconds(settings_.timing.load_ms * 1000LL / models));
        std::this_thread::sleep_for(std::chrono::milliseconds(settings_.timing.axcl_smi_ms));
        if (axcl_ && settings_.remain_cmm_mb < 0 && !device_)
            std::fputs("sh: 1: /usr/bin/axcl/axcl-smi: not found\n", stderr);
    }

    int cards() const { return device_ ? device_->cards() : settings_.cards; }
    int device_of(int layer) const {
        return flags_.devices.empty()
                   ? 0
                   : flags_.devices[static_cast<std::size_t>(layer) % flags_.devices.size()];
    }

    // False when the card has no room for the part that is loaded next.
    bool take_memory() {
        if (!device_) return true;
        const int own = identity_in(layer_path(flags_.template_filename_axmodel, 0)).device_mib;
        const long whole = (own > 0 ? own : device_->settings().model_mib) * 1024L;
        const long now = whole * (loaded_ - 1) / (flags_.axmodel_num + 1);
        const auto cards = std::max(flags_.devices.size(), std::size_t{1});
        bool room = true;
        for (std::size_t one = 0; one < cards && room; ++one)
            room = device_->hold(device_of(static_cast<int>(one)), now / static_cast<long>(cards));
        return room;
    }

    int remaining_mb() const {
        if (device_) {
            const auto kib = device_->settings().total_mib * 1024L - device_->used_kib(device_of(0));
            return static_cast<int>(kib / 1024);
        }
        return settings_.remain_cmm_mb < 0
                   ? -1
                   : settings_.remain_cmm_mb + 100 * (flags_.axmodel_num + 3 - loaded_ - 1);
    }

    file_state layer_state(int layer) {
        if (fault_names_layer("start_layer_missing", layer)) return file_state::missing;
        if (fault_names_layer("start_layer_lfs", layer)) return file_state::unusable;
        return model_file_state(layer_path(flags_.template_filename_axmodel, layer));
    }

    bool fault_names_layer(const char* name, int layer) const {
        return faults_.active(name) && faults_.active_faults()[name]["args"].value("layer", 1) == layer;
    }

    void load_layers() {
        std::vector<int> order(static_cast<std::size_t>(flags_.axmodel_num));
        std::iota(order.begin(), order.end(), 0);
        if (axcl_) std::shuffle(order.begin(), order.end(), std::mt19937(std::random_device{}()));
        bool first_bad = false;
        for (int layer : order) {
            obey_end_faults(faults_, "load", loaded_ - 2);
            stall_if_told();
            auto state = layer_state(layer);
            if (state == file_state::good && !take_memory()) state = file_state::unusable;
            if (state == file_state::missing) log_line(log_level::error, "init", 365, "read_file");
            if (state == file_state::unusable)
                log_line(log_level::error, "init", 421, "AX_ENGINE_CreateHandle");
            if (state != file_state::good) {
                result_.broken_layer = true;
                first_bad = first_bad || layer == 0;
                if (!axcl_) {
                    log_line(log_level::error, "Init", 172, "init axmodel(%s) failed",
                             layer_path(flags_.template_filename_axmodel, layer).c_str());
                    fail();
                }
            }
            spend_model_time();
            char label[96];
            if (axcl_)
                std::snprintf(label, sizeof label, "init %d axmodel ok,devid(%d) remain_cmm(%d MB)", layer,
                              device_of(layer), remaining_mb());
            else
                std::snprintf(label, sizeof label, "init %d axmodel ok,remain_cmm(%d MB)", layer,
                              remaining_mb());
            bar_.update(++loaded_, label);
        }
        first_layer_bad_ = first_bad;
    }

    void stall_if_told() {
        if (!faults_.active("start_stall")) return;
        const int after = faults_.active_faults()["start_stall"]["args"].value("after", 1);
        while (loaded_ - 2 >= after && faults_.active("start_stall")) std::this_thread::sleep_for(20ms);
    }

    void load_post() {
        auto state = model_file_state(flags_.filename_post_axmodel);
        if (faults_.fire("start_post_missing")) state = file_state::missing;
        if (faults_.fire("start_post_lfs")) state = file_state::unusable;
        if (state == file_state::good && !take_memory()) state = file_state::unusable;
        if (state != file_state::good) {
            if (state == file_state::missing) log_line(log_level::error, "init", 365, "read_file");
            if (state == file_state::unusable)
                log_line(log_level::error, "init", 421, "AX_ENGINE_CreateHandle");
            log_line(log_level::error, "Init", 210, "init post axmodel(%s) failed",
                     flags_.filename_post_axmodel.c_str());
            fail();
        }
        spend_model_time();
        char label[96];
        std::snprintf(label, sizeof label, "init post axmodel ok,remain_cmm(%d MB)", remaining_mb());
        bar_.update(++loaded_, label);
        std::fputc('\n', stdout);
        if (first_layer_bad_) die_uncaught("std::runtime_error", "input tensor not found: mask");
    }

    void report_geometry() {
        result_.geometry = settings_.geometry;
        if (!settings_.geometry_given)
            if (auto own = geometry_in(layer_path(flags_.template_filename_axmodel, 0)))
                result_.geometry = *own;
        result_.identity = identity_in(layer_path(flags_.template_filename_axmodel, 0));
        const auto& g = result_.geometry;
        log_line(log_level::info, "Init", lines_.max_token_len, "max_token_len : %d", g.max_token_len);
        log_line(log_level::info, "Init", lines_.kv_cache, "kv_cache_size : %d, kv_cache_num: %d",
                 g.kv_cache_size, g.max_token_len);
        log_line(log_level::info, "Init", lines_.prefill, "prefill_token_num : %d", g.chunk);
        long number = 0;
        for (int group : g.groups)
            log_line(log_level::info, "Init", lines_.group, "grp: %ld, prefill_max_token_num : %d", ++number,
                     group);
        log_line(log_level::info, "Init", lines_.prefill_max, "prefill_max_token_num : %d", g.groups.back());
    }

    void report_cards() {
        std::fputs(
            "\033[1;30;35m________________________\n|    ID| remain cmm(MB)|\n========================\n",
            stdout);
        for (int id : flags_.devices) std::printf("|%6d|%15d|\n", id, remaining_mb());
        for (int i = 0; i < 24; ++i) std::fputs("\u00af", stdout);
        std::fputs("\n\033[0m", stdout);
    }

    void load_post_config() {
        const char* name = "post_config.json";
        std::string kind;
        if (const auto fault = faults_.fire("start_post_config")) kind = fault->value("kind", "missing");
        std::ifstream file(name);
        if (!file || kind == "missing") {
            log_line(log_level::error, "load_config", 278, "config file(%s) open failed", name);
            log_line(log_level::warning, "Init", 259, "load postprocess config(%s) failed", name);
            return;
        }
        try {
            result_.post_config = kind == "syntax" ? json::parse("{ \"broken\"") : json::parse(file);
            if (kind == "key") result_.post_config.erase("temperature");
            log_line(log_level::info, "load_config", 282, "load config: \n%s\n",
                     result_.post_config.dump(4).c_str());
            sampling_state probe;
            probe.load(result_.post_config);
        } catch (const json::parse_error& problem) {
            die_uncaught("nlohmann::json_abi_v3_11_3::detail::parse_error", problem.what());
        } catch (const json::exception& problem) {
            die_uncaught("nlohmann::json_abi_v3_11_3::detail::type_error", problem.what());
        }
    }

    const vendor_flags& flags_;
    const scenario& settings_;
    fault_switches& faults_;
    tokenizer_client& tokenizer_;
    bool axcl_;
    std::optional<simulated_device> device_ = simulated_device::from_environment();
    init_lines lines_;
    progress_bar bar_;
    loaded_model result_;
    int loaded_ = 0;
    bool workers_started_ = false;
    bool first_layer_bad_ = false;
};

}  // namespace

loaded_model load_model(const vendor_flags& flags, const scenario& settings, fault_switches& faults,
                        tokenizer_client& tokenizer) {
    return loader(flags, settings, faults, tokenizer).load();
}

}  // namespace corral::sim
