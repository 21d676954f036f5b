#include "runtime/vendor_flags.hpp"

#include <cctype>
#include <charconv>
#include <cstdio>
#include <optional>

#include "process_end.hpp"

namespace corral::sim {
namespace {

struct option {
    std::string name;
    std::string description;
    std::string type;
    std::string fallback;
    bool required = false;
    std::optional<std::string> value;
};

std::vector<option> option_table(bool axcl) {
    const vendor_flags d;
    // The default of the on-chip source is empty; the published card build carries Qwen's persona.
    std::vector<option> table{
        {"system_prompt", "system prompt", "string", axcl ? d.system_prompt : "", false, {}},
        {"template_filename_axmodel",
         "axmodel path template",
         "string",
         d.template_filename_axmodel,
         false,
         {}},
        {"filename_post_axmodel", "post axmodel path", "string", d.filename_post_axmodel, false, {}},
        {"url_tokenizer_model", "tokenizer model path", "string", d.url_tokenizer_model, false, {}},
        {"filename_tokens_embed", "tokens embed path", "string", d.filename_tokens_embed, false, {}},
        {"axmodel_num", "num of axmodel(for template)", "int", std::to_string(d.axmodel_num), false, {}},
        {"tokens_embed_num", "tokens embed num", "int", std::to_string(d.tokens_embed_num), false, {}},
        {"tokens_embed_size", "tokens embed size", "int", std::to_string(d.tokens_embed_size), false, {}},
        {"use_mmap_load_embed", "it can save os memory", "bool", "0", false, {}},
    };
    if (axcl) table.push_back({"devices", "devices id,for example: \"0,1,2,3\" ", "string", "", true, {}});
    return table;
}

void print_usage(const std::string& argv0, const std::vector<option>& table) {
    constexpr std::size_t widest = 25;
    std::string out = "usage: " + argv0;
    for (const auto& o : table)
        if (o.required) out += " --" + o.name + "=" + o.type;
    out += " [options] ... \noptions:\n";
    for (const auto& o : table) {
        out += "      --" + o.name + std::string(widest - o.name.size() + 4, ' ') + o.description + " (" +
               o.type;
        if (!o.required) out += " [=" + o.fallback + "]";
        out += ")\n";
    }
    out += "  -?, --help                         print this message\n";
    std::fputs(out.c_str(), stderr);
}

bool valid_value(const std::string& type, const std::string& text) {
    if (type == "bool") return text == "0" || text == "1";
    if (type != "int") return true;
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

[[noreturn]] void refuse(const std::string& line, const std::string& argv0,
                         const std::vector<option>& table) {
    std::fprintf(stderr, "%s\n", line.c_str());
    print_usage(argv0, table);
    leave(1);
}

std::string first_problem(std::vector<option>& table, const std::vector<std::string>& args, bool& help) {
    std::string problem;
    const auto note = [&problem](const std::string& text) {
        if (problem.empty()) problem = text;
    };
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (args[i] == "-?") help = true;
        if (!args[i].starts_with("--")) continue;  // positional extras are ignored
        const auto equals = args[i].find('=');
        const auto name = args[i].substr(2, equals == std::string::npos ? equals : equals - 2);
        if (name == "help") {
            help = true;
            continue;
        }
        option* found = nullptr;
        for (auto& o : table)
            if (o.name == name) found = &o;
        if (found == nullptr) {
            note("undefined option: --" + name);
            continue;
        }
        if (equals == std::string::npos && i + 1 >= args.size()) {
            note("option needs value: --" + name);
            continue;
        }
        const auto value = equals == std::string::npos ? args[++i] : args[i].substr(equals + 1);
        if (!valid_value(found->type, value)) note("option value is invalid: --" + name + "=" + value);
        found->value = value;
    }
    for (const auto& o : table)
        if (o.required && !o.value) note("need option: --" + o.name);
    return problem;
}

// The original splits at commas and hands each part to std::stoi; an empty text is card 0.
std::vector<int> device_list(const std::string& text) {
    std::vector<int> out;
    std::string part;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] != ',') {
            part += text[i];
            continue;
        }
        if (!part.empty()) {
            if (std::isdigit(static_cast<unsigned char>(part[0])) == 0)
                die_uncaught("std::invalid_argument", "stoi");
            out.push_back(std::atoi(part.c_str()));
        }
        part.clear();
    }
    if (out.empty()) out.push_back(0);
    return out;
}

}  // namespace

vendor_flags parse_vendor_flags(const std::string& argv0, const std::vector<std::string>& args, bool axcl) {
    auto table = option_table(axcl);
    bool help = false;
    const auto problem = first_problem(table, args, help);
    if (help || (args.empty() && axcl)) {
        print_usage(argv0, table);
        leave(0);
    }
    if (!problem.empty()) refuse(problem, argv0, table);
    const auto text = [&table](const char* name) {
        for (const auto& o : table)
            if (o.name == name) return o.value.value_or(o.fallback);
        return std::string();
    };
    vendor_flags flags;
    flags.system_prompt = text("system_prompt");
    flags.template_filename_axmodel = text("template_filename_axmodel");
    flags.filename_post_axmodel = text("filename_post_axmodel");
    flags.url_tokenizer_model = text("url_tokenizer_model");
    flags.filename_tokens_embed = text("filename_tokens_embed");
    flags.axmodel_num = std::atoi(text("axmodel_num").c_str());
    flags.tokens_embed_num = std::atoi(text("tokens_embed_num").c_str());
    flags.tokens_embed_size = std::atoi(text("tokens_embed_size").c_str());
    flags.use_mmap_load_embed = text("use_mmap_load_embed") == "1";
    if (axcl) flags.devices = device_list(text("devices"));
    return flags;
}

}  // namespace corral::sim
