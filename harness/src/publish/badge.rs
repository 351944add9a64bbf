//! Badges: small pictures that say where a connector stands.

use super::Standing;

/// Widths in pixels at 11 px of a sans-serif face are near this for a letter; the text is then fitted exactly.
const LETTER: usize = 7;
/// Space on both sides of a text, in pixels.
const PAD: usize = 6;

/// A badge as SVG: `label` at the left, where the connector stands at the right. It refers to nothing outside of itself.
pub fn badge(label: &str, standing: &Standing) -> String {
    let color = match standing.grade.as_str() {
        "gold" => "#7a5c00",
        "silver" => "#566373",
        "bronze" => "#8a4b1d",
        "draft" | "none" => "#5f5f5f",
        "incomplete" => "#7a5c00",
        _ => "#b3261e",
    };
    let width = |text: &str| text.chars().count() * LETTER;
    let (left, right) = (width(label), width(&standing.title));
    let (split, whole) = (left + 2 * PAD, left + right + 4 * PAD);
    let (label, title) = (escape(label), escape(&standing.title));
    let text = |x: usize, length: usize, text: &str| {
        format!("<text x=\"{x}\" y=\"14\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{text}</text>")
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-labelledby=\"t\">\n\
         <title id=\"t\">{label}: {title}</title>\n\
         <clipPath id=\"r\"><rect width=\"{whole}\" height=\"20\" rx=\"3\"/></clipPath>\n\
         <g clip-path=\"url(#r)\"><rect width=\"{split}\" height=\"20\" fill=\"#333\"/>\
         <rect x=\"{split}\" width=\"{}\" height=\"20\" fill=\"{color}\"/></g>\n\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,Geneva,sans-serif\" font-size=\"11\">{}{}</g>\n</svg>\n",
        whole - split,
        text(PAD, left, &label),
        text(split + PAD, right, &title),
    )
}

fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_names_itself_and_escapes() {
        let standing = Standing { title: "silver (documented)".to_owned(), grade: "silver".to_owned() };
        let svg = badge("a<b>&\"", &standing);
        assert!(svg.contains("<title id=\"t\">a&lt;b&gt;&amp;&quot;: silver (documented)</title>"), "{svg}");
        assert!(svg.contains("role=\"img\"") && !svg.contains("href"), "{svg}");
        let mut reader = quick_xml::Reader::from_str(&svg);
        while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
    }
}
