// The browsable API's base template opens <html> without a language; screen readers need one.
document.documentElement.lang = "en";
