//! Prepared queries: the table, and which of them a name means.

use std::ops::Bound;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::command::{PreparedQueryCommand, Response};
use super::state::{State, fold};
use super::topic::{Topic, Touched};
use crate::model::prepared_query::{CompiledTemplate, PreparedQuery, is_uuid};
use crate::model::session::check_id;

/// Consul's text for a template that is asked for by its id.
const TEMPLATE_BY_ID: &str = "prepared query templates can only be resolved up by name, not by ID";

/// The table of prepared queries.
#[derive(Debug, Clone, Default)]
pub(super) struct PreparedQueries {
    rows: OrdMap<Arc<str>, Arc<Row>>,
    /// Ids of queries by folded name, those of templates aside from the others.
    names: [OrdMap<Arc<str>, Arc<str>>; 2],
    /// Session and query, of those that are bound to one. Both are folded.
    of_session: OrdSet<(Arc<str>, Arc<str>)>,
}

#[derive(Debug)]
struct Row {
    query: Arc<PreparedQuery>,
    /// Read once; for templates. What cannot be read was refused.
    template: Option<CompiledTemplate>,
}

impl PreparedQueries {
    /// The queries by id.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<PreparedQuery>> {
        self.rows.values().map(|row| &row.query)
    }

    fn get(&self, id: &str) -> Option<&Arc<Row>> {
        self.rows.get(&*id.to_ascii_lowercase())
    }

    /// The id of the query with exactly that name, whatever its kind.
    fn named(&self, name: &str) -> Option<&Arc<str>> {
        let name = name.to_lowercase();
        self.names.iter().find_map(|names| names.get(&*name))
    }

    /// The template with the longest name that begins the asked one.
    fn template_for(&self, asked: &str) -> Option<&Arc<Row>> {
        let folded = asked.to_lowercase();
        let ends = folded.char_indices().map(|(at, _)| at).rev();
        let mut prefixes = std::iter::once(folded.len()).chain(ends);
        let id = prefixes.find_map(|end| self.names[1].get(&folded[..end]))?;
        self.rows.get(id)
    }

    /// Puts a row in the place of that with its id. `Err` where its template cannot be read.
    pub(super) fn insert(&mut self, query: Arc<PreparedQuery>) -> Result<(), String> {
        let template = query.is_template();
        let template = template.then(|| CompiledTemplate::compile(&query));
        let template = template
            .transpose()
            .map_err(|why| format!("failed compiling template: {why}"))?;
        self.remove(&query.id);
        let id: Arc<str> = Arc::from(query.id.to_ascii_lowercase());
        if template.is_some() || !query.name.is_empty() {
            let names = &mut self.names[usize::from(template.is_some())];
            names.insert(Arc::from(query.name.to_lowercase()), Arc::clone(&id));
        }
        if !query.session.is_empty() {
            let link = (fold(&query.session), Arc::clone(&id));
            self.of_session.insert(link);
        }
        self.rows.insert(id, Arc::new(Row { query, template }));
        Ok(())
    }

    fn remove(&mut self, id: &str) -> bool {
        let Some((id, row)) = self.rows.remove_with_key(&*id.to_ascii_lowercase()) else {
            return false;
        };
        self.of_session.remove(&(fold(&row.query.session), id));
        if row.template.is_some() || !row.query.name.is_empty() {
            let names = &mut self.names[usize::from(row.template.is_some())];
            names.remove(&*row.query.name.to_lowercase());
        }
        true
    }

    /// The ids of the queries that are bound to a session.
    fn of_session(&self, session: &str) -> Vec<Arc<str>> {
        let session = fold(session);
        let from = (Arc::clone(&session), Arc::default());
        self.of_session
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(|(of, _)| *of == session)
            .map(|(_, id)| Arc::clone(id))
            .collect()
    }
}

impl State {
    /// All prepared queries, by id.
    pub fn prepared_queries(&self) -> impl ExactSizeIterator<Item = &Arc<PreparedQuery>> {
        self.prepared_queries.iter()
    }

    /// The prepared query with an id.
    ///
    /// # Errors
    /// When the text is no id, in Consul's words.
    pub fn prepared_query(&self, id: &str) -> Result<Option<&Arc<PreparedQuery>>, String> {
        check_id(id).map_err(|why| format!("failed prepared query lookup: index error: {why}"))?;
        Ok(self.prepared_queries.get(id).map(|row| &row.query))
    }

    /// The prepared query that an id or a name means, with a template's texts filled: by id, by name, then that with
    /// the longest name that begins the asked one, the template without a name last.
    ///
    /// # Errors
    /// When a template is asked for by id, or makes no sense with the name.
    pub fn resolve_prepared_query(
        &self,
        id_or_name: &str,
    ) -> Result<Option<Arc<PreparedQuery>>, String> {
        let table = &self.prepared_queries;
        if id_or_name.is_empty() {
            return Ok(None);
        }
        if is_uuid(id_or_name)
            && let Some(row) = table.get(id_or_name)
        {
            return match row.template {
                None => Ok(Some(Arc::clone(&row.query))),
                Some(_) => Err(TEMPLATE_BY_ID.to_owned()),
            };
        }
        let fixed = table.names[0].get(&*id_or_name.to_lowercase());
        if let Some(row) = fixed.and_then(|id| table.rows.get(id)) {
            return Ok(Some(Arc::clone(&row.query)));
        }
        let Some(row) = table.template_for(id_or_name) else {
            return Ok(None);
        };
        match &row.template {
            None => Ok(Some(Arc::clone(&row.query))),
            Some(template) => Ok(Some(Arc::new(template.render(&row.query, id_or_name)?))),
        }
    }

    pub(super) fn apply_prepared_query(
        &mut self,
        index: u64,
        command: &PreparedQueryCommand,
        touched: &mut Touched,
    ) -> Response {
        match command {
            PreparedQueryCommand::Set(query) => match self.set_prepared_query(index, query) {
                Ok(()) => {
                    self.touch_prepared_queries(index, touched);
                    Response::Id(query.id.clone())
                }
                Err(why) => Response::Refused(why),
            },
            PreparedQueryCommand::Delete { id } => {
                if self.prepared_queries.remove(id) {
                    self.touch_prepared_queries(index, touched);
                }
                Response::Id(id.clone())
            }
        }
    }

    fn set_prepared_query(&mut self, index: u64, query: &PreparedQuery) -> Result<(), String> {
        let table = &self.prepared_queries;
        let existing = table.get(&query.id).map(|row| row.query.create_index);
        let is_other = |id: &Arc<str>| !id.eq_ignore_ascii_case(&query.id);
        let name = &query.name;
        if (!name.is_empty() || query.is_template()) && table.named(name).is_some_and(is_other) {
            return Err(if name.is_empty() {
                "a query template with an empty name already exists".to_owned()
            } else {
                format!("name '{name}' aliases an existing query name")
            });
        }
        if is_uuid(name) && table.get(name).is_some() {
            return Err(format!("name '{name}' aliases an existing query ID"));
        }
        let session = &query.session;
        if !session.is_empty() {
            check_id(session).map_err(|why| format!("invalid session: index error: {why}"))?;
            if self.session(session).is_none() {
                return Err(format!("invalid session {session:?}"));
            }
        }
        self.prepared_queries.insert(Arc::new(PreparedQuery {
            create_index: existing.unwrap_or(index),
            modify_index: index,
            ..query.clone()
        }))
    }

    /// Removes the prepared queries that are bound to a session that goes.
    pub(super) fn drop_queries_of_session(
        &mut self,
        index: u64,
        session: &str,
        touched: &mut Touched,
    ) {
        let ids = self.prepared_queries.of_session(session);
        for id in &ids {
            self.prepared_queries.remove(id);
        }
        if !ids.is_empty() {
            self.touch_prepared_queries(index, touched);
        }
    }

    fn touch_prepared_queries(&mut self, index: u64, touched: &mut Touched) {
        self.indexes.prepared_queries = index;
        touched.add(Topic::PreparedQueries);
    }
}
