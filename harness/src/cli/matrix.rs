//! `quittance matrix`: which connector declares which operation and which method.

use std::process::ExitCode;

use clap::Args;
use quittance::{Family, Op, Spec};
use schemars::JsonSchema;
use serde::Serialize;

use super::{pretty, say};
use crate::capabilities::Capabilities;
use crate::world::{Unusable, catalogue};

/// Show which connector declares which operation, rule and method
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  quittance matrix\n  quittance matrix stripe paypal\n  \
    quittance matrix --json | jq '.connectors[] | select(.countries | index(\"NL\")) | .id'\n\n\
    What is declared is proved by `quittance certify`, in both directions.")]
pub(super) struct Matrix {
    /// The connectors; all when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Print JSON, with currencies, countries and hosts
    #[arg(long)]
    json: bool,
}

/// What `quittance matrix --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MatrixReport {
    /// The connectors, sorted by id.
    pub connectors: Vec<Capabilities>,
}

/// A column: its heading and what it stands for.
type Column<T> = (&'static str, T);

const OPERATIONS: &[Column<Op>] = &[
    ("auth", Op::Authorize),
    ("compl", Op::Complete),
    ("capt", Op::Capture),
    ("void", Op::Void),
    ("refnd", Op::Refund),
    ("retr", Op::Retrieve),
    ("r-ref", Op::RetrieveRefund),
    ("adj", Op::Adjust),
    ("setup", Op::SetUp),
    ("revok", Op::Revoke),
    ("sess", Op::OpenSession),
    ("unwr", Op::UnwrapToken),
    ("payo", Op::PayOut),
    ("r-pay", Op::RetrievePayout),
    ("disp", Op::AnswerDispute),
    ("hook", Op::Webhook),
];

const METHODS: &[Column<Family>] = &[
    ("card", Family::Card),
    ("token", Family::NetworkToken),
    ("apple", Family::ApplePay),
    ("googl", Family::GooglePay),
    ("w-red", Family::WalletRedirect),
    ("b-red", Family::BankRedirect),
    ("b-tra", Family::BankTransfer),
    ("b-deb", Family::BankDebit),
    ("open", Family::OpenBanking),
    ("mobil", Family::MobileMoney),
    ("later", Family::PayLater),
    ("vouch", Family::Voucher),
    ("upi", Family::Upi),
    ("pix", Family::Pix),
    ("crypt", Family::Crypto),
    ("mand", Family::Mandate),
];

impl Matrix {
    pub(super) fn run(&self) -> Result<ExitCode, Unusable> {
        let specs: Vec<&Spec> = catalogue(&self.ids)?.into_iter().map(|entry| entry.spec).collect();
        if self.json {
            let report = MatrixReport { connectors: specs.iter().map(|spec| Capabilities::of(spec)).collect() };
            say(&pretty(&serde_json::json!(report)));
            return Ok(ExitCode::SUCCESS);
        }
        say("operations\n");
        let operation = |spec: &Spec, op: Op| if spec.has(op) { marks(spec, op) } else { ".".to_owned() };
        table(&specs, OPERATIONS, operation);
        say("\nmethods\n");
        table(&specs, METHODS, |spec, family| match spec.methods.iter().filter(|kind| kind.family == family).count() {
            0 => ".".to_owned(),
            count if family.branded() => count.to_string(),
            _ => "x".to_owned(),
        });
        say("\nx declared, . not; a number counts the brands");
        say(
            "authorize: m with later capture, 3 with 3-D Secure challenges; capture and refund: p in part, s in several parts;",
        );
        say(
            "void: c also what is captured, d also bank debits; retrieve: i by id, r by reference; disputes: a accept, c contest\n",
        );
        legend(OPERATIONS, |op| op.as_str());
        legend(METHODS, |family| family.as_str());
        Ok(ExitCode::SUCCESS)
    }
}

/// `x`, and a letter for each rule.
fn marks(spec: &Spec, op: Op) -> String {
    let rules = crate::capabilities::declared_rules(spec);
    let letters: &[(&str, char)] = match op {
        Op::Authorize => &[("capture:manual", 'm'), ("three_ds", '3')],
        Op::Capture => &[("capture:partial", 'p'), ("capture:multiple", 's')],
        Op::Void => &[("void:captured", 'c'), ("void:debit", 'd')],
        Op::Refund => &[("refund:partial", 'p'), ("refund:multiple", 's')],
        Op::Retrieve => &[("lookup:id", 'i'), ("lookup:reference", 'r')],
        Op::AnswerDispute => &[("dispute:accept", 'a'), ("dispute:contest", 'c')],
        _ => &[],
    };
    let of_rules = letters.iter().filter(|(rule, _)| rules.contains(rule)).map(|(_, letter)| *letter);
    std::iter::once('x').chain(of_rules).collect()
}

fn table<T: Copy>(specs: &[&Spec], columns: &[Column<T>], cell: impl Fn(&Spec, T) -> String) {
    let width = specs.iter().map(|spec| spec.id.len()).max().unwrap_or_default();
    let row = |first: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("  {cell:5}")).collect();
        say(format!("{first:width$}{cells}").trim_end());
    };
    row("", columns.iter().map(|(heading, _)| (*heading).to_owned()).collect());
    for spec in specs {
        row(spec.id, columns.iter().map(|(_, column)| cell(spec, *column)).collect());
    }
}

/// The headings that are no words, with what they stand for.
fn legend<T: Copy>(columns: &[Column<T>], name: impl Fn(T) -> &'static str) {
    let meant = columns.iter().filter(|(heading, column)| *heading != name(*column));
    let meant: Vec<String> = meant.map(|(heading, column)| format!("{heading} {}", name(*column))).collect();
    say(&meant.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_family_has_a_column() {
        assert!(OPERATIONS.iter().map(|(_, op)| op).eq(Op::ALL));
        assert!(METHODS.iter().map(|(_, family)| family).eq(Family::ALL));
    }
}
