// Instantiations that nearly every unit would make again, a third of the time of an unoptimised build. Included twice: with
// CORRAL_TEMPLATE as `extern template` by corral_precompiled.hpp, as `template` by template_bodies.cpp.

namespace nlohmann {

CORRAL_TEMPLATE class basic_json<>;
CORRAL_TEMPLATE class basic_json<ordered_map>;

namespace detail {

CORRAL_TEMPLATE class serializer<json>;
CORRAL_TEMPLATE class serializer<ordered_json>;
CORRAL_TEMPLATE class lexer<json, iterator_input_adapter<const char*>>;
CORRAL_TEMPLATE class lexer<json, iterator_input_adapter<std::string::const_iterator>>;
CORRAL_TEMPLATE class lexer<ordered_json, iterator_input_adapter<const char*>>;
CORRAL_TEMPLATE class parser<json, iterator_input_adapter<const char*>>;
CORRAL_TEMPLATE class parser<json, iterator_input_adapter<std::string::const_iterator>>;
CORRAL_TEMPLATE class parser<ordered_json, iterator_input_adapter<const char*>>;
CORRAL_TEMPLATE class json_sax_dom_parser<json>;
CORRAL_TEMPLATE class json_sax_dom_parser<ordered_json>;
CORRAL_TEMPLATE class json_sax_dom_callback_parser<json>;

}  // namespace detail

}  // namespace nlohmann

CORRAL_TEMPLATE class std::vector<std::string>;
CORRAL_TEMPLATE class std::vector<nlohmann::json>;
CORRAL_TEMPLATE class std::vector<std::pair<std::string, std::string>>;
CORRAL_TEMPLATE class std::map<std::string, nlohmann::json, std::less<>>;
CORRAL_TEMPLATE class std::map<std::string, std::string>;

// All of formatting, for each message of the log.
CORRAL_TEMPLATE void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::basic_string_view<char>,
                                                   fmt::basic_format_args<fmt::buffer_context<char>>,
                                                   fmt::detail::locale_ref);

#undef CORRAL_TEMPLATE
